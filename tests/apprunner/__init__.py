"""
The service on a platform that behaves as App Runner does, as far as that is known, in front of emulators.

It is the proof of "runs on App Runner" that can be had without an account, and no more than that: `platform.py` says
which behaviours it imitates, and what stands behind each. The real App Runner has never seen these tests.
"""
