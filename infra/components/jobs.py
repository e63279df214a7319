"""The table of jobs and uploads: on demand, keyed and indexed as `service/resources.json` says, encrypted."""

from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import ResourceOptions

from infra.components import Component
from infra.facts import INDEX, TABLE, TIME_TO_LIVE

WRITES, READS = 2000, 4000
"""
Units a second at most. A job of five minutes writes some 150 times, so this is more than any fleet of these sizes asks
for, and a loop that runs away stops costing at about 4 USD an hour.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsArgs:
    """`protect`: it outlives the stack, cannot be deleted by an API call either, and can be restored to any second."""

    protect: bool
    kms_key_arn: str


class Jobs(Component):
    """Outputs: `table`, its name, and `arn`."""

    def __init__(self, name: str, args: JobsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Jobs", name, opts)
        keys = {key["KeyType"]: key["AttributeName"] for key in TABLE["KeySchema"]}
        own_key = aws.dynamodb.TableServerSideEncryptionArgs(enabled=True, kms_key_arn=args.kms_key_arn)
        table = aws.dynamodb.Table(
            name,
            billing_mode=TABLE["BillingMode"],
            hash_key=keys["HASH"],
            attributes=[
                aws.dynamodb.TableAttributeArgs(name=it["AttributeName"], type=it["AttributeType"])
                for it in TABLE["AttributeDefinitions"]
            ],
            global_secondary_indexes=[
                aws.dynamodb.TableGlobalSecondaryIndexArgs(
                    name=INDEX["IndexName"],
                    projection_type=INDEX["Projection"]["ProjectionType"],
                    key_schemas=[
                        aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(
                            attribute_name=key["AttributeName"], key_type=key["KeyType"]
                        )
                        for key in INDEX["KeySchema"]
                    ],
                    # Without it the index has no cap of its own, and the table's does not cover it.
                    on_demand_throughput=aws.dynamodb.TableGlobalSecondaryIndexOnDemandThroughputArgs(
                        max_read_request_units=READS, max_write_request_units=WRITES
                    ),
                )
            ],
            ttl=aws.dynamodb.TableTtlArgs(
                enabled=TIME_TO_LIVE["Enabled"], attribute_name=TIME_TO_LIVE["AttributeName"]
            ),
            on_demand_throughput=aws.dynamodb.TableOnDemandThroughputArgs(
                max_read_request_units=READS, max_write_request_units=WRITES
            ),
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=args.protect),
            deletion_protection_enabled=args.protect,
            # Without a key of the customer's the table is encrypted with DynamoDB's own, which costs nothing.
            server_side_encryption=own_key if args.kms_key_arn else None,
            opts=self.within(ResourceOptions(protect=args.protect, retain_on_delete=args.protect)),
        )
        self.table, self.arn = table.name, table.arn
        self.register_outputs({"table": self.table, "arn": self.arn})
