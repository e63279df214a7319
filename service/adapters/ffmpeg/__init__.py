"""One conversion by ffmpeg: input pipe, sandbox, output window, progress and exit status."""
