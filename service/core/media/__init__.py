"""What goes in and out: formats, options, recognising files, ffmpeg's arguments and its log."""
