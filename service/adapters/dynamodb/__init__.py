"""Jobs and uploads as items of one DynamoDB table."""
