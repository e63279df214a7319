"""
What the service does for a caller, one use case a function, over the ports and without a word of HTTP.

    receiving    a file in one stream: store it, recognise it, record it
    uploads      a file past the service: begin, take parts, discard
    completion   what has arrived past the service becomes an upload
    jobs         submit, cancel, delete
    progress     how far a job is: one look, a wait for its end, every change
    downloads    the finished file: its presigned URL, or its bytes
    admission    queue limit, upload slots, memory: which jobs and uploads are let in
    lookup       an id becomes an upload or a job of this caller, or 404 or 410
    inspection   the format of a stream, found as it passes
    context      what a use case is given: `ServiceContext`, and with a tenant `Caller`
    config       the limits that the use cases go by

A function takes a `Caller` where it matters which tenant asks, and a `ServiceContext` where that was checked before.
HTTP handlers (`service.web`) and the simulation call the same functions.
"""
