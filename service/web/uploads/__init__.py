"""Routes that take bytes in: whole, in parts through the service, or straight to S3."""
