"""
Kill a service anywhere, and check each promise on what was seen. No module of this package knows the service's code.

    history/    the record of a run, event by event, and the `History` that is read from it
    checkers/   pure functions of a history: one sentence for each broken promise, and what must have happened once
    stack/      containers and links that can be harmed, on Docker
    client/     what is asked of the service, and how an answer is understood
    nemesis/    faults as values, and the thread that injects and heals them
    workload/   what clients do, drawn from the seed; the files they convert; the threads that play them
    verdict.py  all checkers on one history, and the figures
    report/     the page and the table of one run
"""
