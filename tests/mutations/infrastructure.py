"""The Pulumi program: what protects data, permissions and networks of every stack."""

from tests.mutations.tree import REFUSED, Edit, Mutation

PROGRAM = "tests/unit/infra/test_program.py"
PROPERTY = f"{PROGRAM}::test_every_stack_has_this_property"
KEEPS = f"{PROGRAM}::test_production_keeps_its_data"
DOCUMENTS = "infra/iam/documents.py"
STORAGE = "infra/components/storage.py"

INFRASTRUCTURE = (
    Mutation(
        "infra-plain-text",
        "the bucket refuses requests that are not encrypted",
        (Edit(DOCUMENTS, '"aws:SecureTransport": "false"', '"aws:SecureTransport": "true"'),),
        (f"{PROPERTY}[the bucket refuses plain text]",),
    ),
    Mutation(
        "infra-old-tls",
        "the bucket refuses TLS before 1.2",
        (Edit(DOCUMENTS, '{"s3:TlsVersion": "1.2"}', '{"s3:TlsVersion": "1.1"}'),),
        ("tests/unit/infra/test_bucket_policy.py::test_bucket_is_reached_by_current_tls_alone[TLS 1.1]",),
    ),
    Mutation(
        "infra-task-traces",
        "a task may send traces, and no more of what App Runner's side car may",
        (
            Edit(
                "infra/iam/documents.py", '"xray:PutTelemetryRecords"] if runner else []', '"xray:PutTelemetryRecords"]'
            ),
        ),
        ("tests/unit/infra/test_documents.py::test_only_traced_containers_may_send_traces[traced, on Express]",),
    ),
    Mutation(
        "infra-no-builder",
        "a stack that would build its image without the package for it says so in a sentence",
        (
            Edit(
                "infra/program.py",
                "except (config.ConfigError, CannotBuild) as error",
                "except config.ConfigError as error",
            ),
        ),
        ("tests/unit/infra/test_image.py::test_without_an_image_and_a_builder_nothing_is_made",),
        r"(?m)^E +infra\.components\.image\.CannotBuild",
    ),
    Mutation(
        "infra-wandering-jobs",
        "embedded workers on several App Runner instances are warned of",
        (Edit("infra/config/rules.py", "and config.max_instances > 1:", "and config.max_instances > 25:"),),
        ("tests/unit/infra/test_config.py::test_jobs_that_wander_between_app_runner_instances_are_warned_of",),
        r"(?m)^E +ValueError: not enough values",
    ),
    Mutation(
        "infra-results",
        "a worker can write results, and not what others have sent",
        (Edit(DOCUMENTS, '"results": f"{self.bucket}/results/*"', '"results": f"{self.bucket}/*"'),),
        ("tests/unit/infra/test_documents.py::test_a_worker_cannot_write_uploads_and_an_api_cannot_write_results",),
    ),
    Mutation(
        "infra-public-access",
        "no later policy can open the bucket",
        (
            Edit(
                STORAGE,
                'restrict_public_buckets=block["RestrictPublicBuckets"]',
                "restrict_public_buckets=False",
            ),
        ),
        (f"{PROPERTY}[public access is blocked]",),
    ),
    Mutation(
        "infra-bucket-stays",
        "the bucket of a production outlives its stack",
        (Edit(STORAGE, "retain_on_delete=args.protect", "retain_on_delete=False"),),
        (KEEPS,),
    ),
    Mutation(
        "infra-table-stays",
        "the table of a production cannot be deleted",
        (
            Edit(
                "infra/components/jobs.py",
                "deletion_protection_enabled=args.protect",
                "deletion_protection_enabled=False",
            ),
        ),
        (KEEPS,),
    ),
    Mutation(
        "infra-ingress",
        "security groups let in only what is in the VPC",
        (
            Edit(
                "infra/components/network.py",
                "            referenced_security_group_id=source.id,",
                '            cidr_ipv4="0.0.0.0/0",',
            ),
        ),
        (f"{PROPERTY}[security groups let in only what is in the VPC]",),
    ),
    Mutation(
        "infra-cache-encrypted",
        "readings and wake-ups travel to a cache encrypted",
        (Edit("infra/components/cache.py", "transit_encryption_enabled=True", "transit_encryption_enabled=False"),),
        (f"{PROPERTY}[a cache is encrypted, and asks for a password]",),
    ),
    Mutation(
        "infra-secret-in-plain-text",
        "a secret that is in plain text in the stack's file is refused",
        (Edit("infra/config/__init__.py", "secrets is not None", "secrets is None"),),
        ("tests/unit/infra/test_config.py::test_a_secret_in_plain_text_is_refused",),
        REFUSED,
    ),
    Mutation(
        "infra-cors",
        "only pages of the configured sites, and the service's own, can read answers of the bucket",
        (
            Edit(
                "infra/program.py",
                "shared.storage.bucket, [*stack.cors_origins, service.url])",
                'shared.storage.bucket, ["*"])',
            ),
        ),
        (f"{PROPERTY}[CORS lets in the sites that are configured, and the service's own page]",),
    ),
    Mutation(
        "infra-queue-maximum",
        "an alarm on the queue does not add up what all processes report of it alike",
        (
            Edit(
                "infra/watching/alarms.py",
                'Metric("QueueAgeSeconds", statistic="Maximum")',
                'Metric("QueueAgeSeconds")',
            ),
        ),
        ("tests/unit/infra/test_watching.py::test_numbers_of_the_queue_are_never_added_up",),
    ),
    Mutation(
        "infra-idle-entries",
        "the bill of an idle stack counts what idle workers write",
        (Edit("infra/costs/model.py", "Units(reads=9_400, writes=240)", "Units(reads=9_400, writes=0)"),),
        ("tests/unit/scale/test_idle_bill.py::test_bill_counts_what_an_idle_worker_reads_and_writes[one]",),
    ),
    Mutation(
        "infra-idle-many",
        "the bill of an idle stack knows that workers write more often where there are many",
        (Edit("infra/costs/model.py", "IDLE_OF_FEW if workers <= FEW else IDLE_OF_MANY", "IDLE_OF_FEW"),),
        ("tests/unit/scale/test_idle_bill.py::test_bill_counts_what_an_idle_worker_reads_and_writes[many]",),
    ),
)
