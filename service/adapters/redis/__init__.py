"""Hints in Redis: fresh progress and wake-ups. Losing them costs latency, never a job."""
