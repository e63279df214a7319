"""What the collector of garbage does not have to look at again and again."""

import gc


def keep_what_there_is() -> None:
    """
    Leave everything that was made so far out of all further collections.

    To be called once, when a process has started. Modules, routes and the models of AWS are some hundred thousand
    objects that stay until its end, and a full collection looked at each of them: a tenth of a second in which no
    request was answered and no lease renewed, again and again.
    """
    gc.collect()
    gc.freeze()
