"""
The life of a job, from what containers have logged: lines → entries → processes and lives → words or a picture.

Pure: a caller hands lines in and gets text back. Of lines nothing is trusted, because clients choose some of the texts
in them and anything else may write between them.
"""
