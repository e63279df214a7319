"""Real S3 and DynamoDB servers, Redis and ffmpeg, and whole service processes."""
