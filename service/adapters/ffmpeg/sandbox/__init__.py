"""The sandbox that ffmpeg runs in: the script that enters it, the system calls, files and memory that it leaves."""
