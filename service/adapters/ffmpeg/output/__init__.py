"""What ffmpeg writes: the window over an anonymous memory file, whose finished parts are sent to S3."""
