"""
The Pulumi program that makes an environment on AWS: `pulumi up` runs it, docs/deploy.md explains it.

It imports nothing from `service`. What both have to agree on (keys, indexes, CORS, life cycle, permissions, metrics) is
data: `service/resources.json`, `service/permissions.json` and `service/metrics.json`.

    config       what a stack can set: typed, checked, every mistake reported at once
    iam          policies as pure functions of service/permissions.json
    components   one ComponentResource a page: storage, jobs, cache, network, compute, worker and the rest
    watching     metrics of the log, alarms and the dashboard
    costs        what it costs, from a dated price table; writes docs/costs.md
    program      puts them together; `__main__` is where Pulumi comes in
"""
