"""
A smoke test of a deployed service: what a client does, once, from outside, with the bytes compared at the end.

It is a client and nothing else. It imports nothing of the service, needs no ffmpeg and no AWS credentials, and makes
its own input, so it runs wherever the service's address can be reached: ``python -m infra.smoke URL``.
"""
