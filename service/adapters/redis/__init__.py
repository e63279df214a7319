"""Hints in Redis: fresh progress, wake-ups, and which workers are connected. Losing them costs latency, never a job."""
