"""What runs the containers: App Runner, ECS Express Mode, Fargate workers and their scaling."""
