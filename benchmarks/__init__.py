"""What the service costs, as ratios measured in one run: against plain ffmpeg, and a large file against a small one."""
