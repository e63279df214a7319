"""Objects in one S3 bucket: sent in parts, read in ranges, presigned for clients."""
