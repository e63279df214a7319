"""
What a file says about itself to people: its title, its artist, and whether it has a cover.

One module per family of tags, each a pure function from the two ends of the object to `Labels`. The rules of
`service.core.media.containers` hold here as well: no bytes make them raise (but `Spent`), and every step comes out of
the one budget of the look. What they find is text of strangers, see `text.clean`.
"""
