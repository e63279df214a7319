"""S3, DynamoDB and Redis as child processes, for a machine without Docker and without an account."""
