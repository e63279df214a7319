"""
What 10, 100 and 1,000 workers cost and how they share the work: the real worker in virtual time, every unit counted.

    sizes       how large an item is, and what reading and writing it costs, by DynamoDB's rules
    meter       read and write units by operation and by partition, and the limits of a partition
    store       the memory store with an index that lags behind, as fast as 100,000 jobs need it
    ports       the stores as one worker reaches them: with latency, units and throttling
    ring_ports  the ring of workers, in the same way
    work        jobs, and a plan that waits in the place of ffmpeg
    fleet       workers as processes that start, are told to stop, and are killed
    watching    who looked at which job, who was overtaken, how long recovery took
    scenes      what is played
    rates       how often workers die in life
    play        one scene, from its beginning to its figures
    parallel    all scenes, in two processes
    results     the figures, as values and as JSON
    goals       what they must be
    limits      where the first limit is
    page        docs/scale.md
    picture     docs/images/scale.svg
"""
