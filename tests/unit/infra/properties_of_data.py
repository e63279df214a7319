"""What holds of the bucket, the table, the secrets and the cache of every stack: property → why, and how to see it."""

from collections.abc import Mapping

from infra.facts import BUCKET, INDEX, TABLE, TIME_TO_LIVE
from tests.support.cloud import document
from tests.unit.infra.looks import Holds, any_of, every

DATA: Mapping[str, tuple[str, Holds]] = {
    "ACLs are off": (
        "an ACL could make an object public, whatever the bucket's policy says",
        every(
            "s3/bucketOwnershipControls:BucketOwnershipControls",
            lambda it: it["rule"]["objectOwnership"] == "BucketOwnerEnforced",
        ),
    ),
    "public access is blocked": (
        "no later policy can open the bucket",
        every(
            "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            lambda it: all(
                it[name] is True
                for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
            ),
        ),
    ),
    "the bucket is encrypted": (
        "what is kept is not readable on a disk",
        every(
            "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            lambda it: bool(it["rules"]),
        ),
    ),
    "the bucket refuses plain text": (
        "files and signatures do not travel unencrypted",
        every(
            "s3/bucketPolicy:BucketPolicy",
            lambda it: (
                {"aws:SecureTransport": "false"} in [part["Condition"].get("Bool") for part in document(it["policy"])]
            ),
        ),
    ),
    "the bucket's policy allows nothing": (
        "access is by role alone",
        every(
            "s3/bucketPolicy:BucketPolicy", lambda it: {part["Effect"] for part in document(it["policy"])} == {"Deny"}
        ),
    ),
    "CORS is as the service needs it": (
        "a browser sees the ETag of a part only if it is exposed",
        every(
            "s3/bucketCorsConfiguration:BucketCorsConfiguration",
            lambda it: (
                it["corsRules"][0]["exposeHeaders"] == BUCKET["cors"]["ExposeHeaders"]
                and it["corsRules"][0]["allowedMethods"] == BUCKET["cors"]["AllowedMethods"]
            ),
        ),
    ),
    "CORS lets in the sites that are configured, and the service's own page": (
        "no other site's page may use what a user's browser is allowed",
        lambda cloud: (
            cloud.one("s3/bucketCorsConfiguration:BucketCorsConfiguration")["corsRules"][0]["allowedOrigins"]
            == ["https://app.example.com", cloud.outputs["url"]]
        ),
    ),
    "what is left in the bucket goes": (
        "what the janitor misses would be billed for ever",
        every(
            "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            lambda it: (
                [rule["id"] for rule in it["rules"] if rule["status"] == "Enabled"]
                == [rule["ID"] for rule in BUCKET["lifecycle"]]
                and all("expiration" in rule or "abortIncompleteMultipartUpload" in rule for rule in it["rules"])
            ),
        ),
    ),
    "the table is billed by use, and capped": (
        "an idle table costs nothing, and a loop that runs away has an end",
        every(
            "dynamodb/table:Table", lambda it: it["billingMode"] == "PAY_PER_REQUEST" and bool(it["onDemandThroughput"])
        ),
    ),
    "the table has the service's keys": (
        "the service refuses to start on any other",
        every(
            "dynamodb/table:Table",
            lambda it: it["hashKey"] == TABLE["KeySchema"][0]["AttributeName"] and "rangeKey" not in it.inputs,
        ),
    ),
    "the index has the service's keys": (
        "without it no job is ever found",
        every(
            "dynamodb/table:Table",
            lambda it: (
                [
                    (
                        it["name"],
                        it["projectionType"],
                        [(key["attributeName"], key["keyType"]) for key in it["keySchemas"]],
                    )
                    for it in it["globalSecondaryIndexes"]
                ]
                == [
                    (
                        INDEX["IndexName"],
                        "KEYS_ONLY",
                        [(key["AttributeName"], key["KeyType"]) for key in INDEX["KeySchema"]],
                    )
                ]
            ),
        ),
    ),
    "old items go": (
        "the table does not grow for ever",
        every(
            "dynamodb/table:Table",
            lambda it: it["ttl"] == {"enabled": True, "attributeName": TIME_TO_LIVE["AttributeName"]},
        ),
    ),
    "secrets are secret": (
        "in Pulumi's state they are encrypted",
        every("secretsmanager/secretVersion:SecretVersion", lambda it: "secretString" in it.secrets),
    ),
    "a cache's password is secret": (
        "in Pulumi's state it is encrypted",
        lambda cloud: (
            all("authToken" in it.secrets for it in cloud.of("elasticache/replicationGroup:ReplicationGroup"))
            and all("authenticationMode" in it.secrets for it in cloud.of("elasticache/user:User"))
        ),
    ),
    "a cache is encrypted, and asks for a password": (
        "readings and wake-ups are no business of the network's",
        lambda cloud: (
            all(
                it["transitEncryptionEnabled"] is True and it["atRestEncryptionEnabled"] is True and it["authToken"]
                for it in cloud.of("elasticache/replicationGroup:ReplicationGroup")
            )
            and all(it["userGroupId"] for it in cloud.of("elasticache/serverlessCache:ServerlessCache"))
        ),
    ),
    "a cache is bounded": (
        "its cost has an end",
        any_of(
            "elasticache/serverlessCache:ServerlessCache",
            lambda it: it["cacheUsageLimits"]["dataStorage"]["maximum"] == 1,
        ),
    ),
}
