"""What a stack is, once its configuration has been read: frozen values, and the questions that components ask."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Sizes are vCPUs, GiB or GB as the names say, times hours or days. An empty text, list or 0 is: not set."""

    stack: str
    region: str
    compute: str
    worker: str
    cache: str
    cache_node_type: str
    cache_nodes: int
    cache_token: str
    image: str
    registry: bool
    api_keys: str
    webhooks: str
    cors_origins: tuple[str, ...]
    cpu: float
    memory: float
    min_instances: int
    max_instances: int
    max_concurrency: int
    slots: int
    worker_cpu: float
    worker_memory: float
    worker_min: int
    worker_max: int
    worker_disk: int
    spot: bool
    keep_hours: int
    expire_days: int
    max_upload_gib: int
    log_level: str
    log_days: int
    tracing: str
    protect: bool
    kms_key_arn: str
    network: str
    vpc_cidr: str
    zones: tuple[str, ...]
    vpc_id: str
    private_subnets: tuple[str, ...]
    public_subnets: tuple[str, ...]
    alarm_topic_arn: str
    budget_usd: int
    budget_email: str

    @property
    def prefix(self) -> str:
        """With what the names begin that AWS shows: `reprise-<stack>`."""
        return f"reprise-{self.stack}"

    @property
    def express(self) -> bool:
        """Whether the API runs on ECS Express Mode."""
        return self.compute == "ecs-express"

    @property
    def fargate_worker(self) -> bool:
        """Whether conversions have a service of their own."""
        return self.worker == "fargate"

    @property
    def has_tasks(self) -> bool:
        """Whether there are Fargate tasks, which pull their image and send their logs through our network."""
        return self.express or self.fargate_worker

    @property
    def has_cache(self) -> bool:
        """Whether there is a cache."""
        return self.cache != "none"

    @property
    def traced(self) -> bool:
        """Whether spans are sent to X-Ray."""
        return self.tracing == "xray"

    @property
    def builds_image(self) -> bool:
        """Whether the program builds the image itself, because none is named."""
        return not self.image

    @property
    def has_registry(self) -> bool:
        """Whether the stack has a registry of its own."""
        return self.registry or self.builds_image

    @property
    def zone_count(self) -> int:
        """Over how many availability zones the subnets are spread."""
        return len(self.zones) or 2
