"""Deaths that are heard: what a watcher believes of Redis' word that a worker is gone, and what a mistake costs."""

from tests.mutations.tree import Edit, Mutation

CORE = "service/core/jobs/presence.py"
LOOP = "service/worker/loop.py"
ADAPTER = "service/adapters/redis/presence.py"
RULES = "tests/unit/core/jobs/test_presence.py"
DEATHS = "tests/unit/worker/test_deaths.py"
REAL = "tests/integration/redis/test_presence.py"

HEARD, WATCH, OWN = (f"service/worker/fleet/{name}.py" for name in ("deaths", "neighbours", "own_entry"))

PRESENCE = (
    Mutation(
        "heard",
        "a worker that is gone is replaced before its lease has lapsed",
        (Edit(HEARD, "            self._heard.set()\n", "            pass\n"),),
        (f"{DEATHS}::test_killed_worker_is_replaced_within_a_second[2.0]",),
    ),
    Mutation(
        "presence-epoch",
        "what was seen through another connection, or of another Redis, is no evidence of an absence",
        (Edit(CORE, "if look.epoch != before.epoch or", "if not before.epoch or"),),
        (f"{RULES}::test_nothing_is_concluded_across_a_look_that_is_void[epoch]",),
    ),
    Mutation(
        "presence-void",
        "what was seen before Redis was away is no evidence of an absence",
        (
            Edit(
                CORE,
                "        return NOTHING, frozenset()\n    if look.epoch",
                "        return before, frozenset()\n    if look.epoch",
            ),
        ),
        (f"{RULES}::test_nothing_is_concluded_across_a_look_that_is_void[away]",),
    ),
    Mutation(
        "presence-grace",
        "a worker that connects again within the grace is not gone",
        (Edit(CORE, "if sent - since >= policy.grace)", "if sent >= since)"),),
        (
            f"{RULES}::test_worker_that_is_absent_for_a_grace_is_gone",
            f"{DEATHS}::test_worker_that_is_back_within_the_grace_keeps_its_job",
        ),
    ),
    Mutation(
        "presence-asleep",
        "a watcher that was frozen in the middle of a look does not take that time for a grace",
        (Edit(CORE, "if sent - since >= policy.grace)", "if now - since >= policy.grace)"),),
        (f"{RULES}::test_watcher_that_sleeps_in_the_middle_of_a_look_does_not_take_that_for_a_grace",),
    ),
    Mutation(
        "presence-stale",
        "a watcher that did not look for a while concludes nothing from what it saw before",
        (Edit(CORE, " or sent - before.at > policy.stale:", ":"),),
        (f"{RULES}::test_watcher_that_did_not_look_for_a_while_begins_anew",),
    ),
    Mutation(
        "presence-share",
        "when most workers vanish at once, none counts as gone",
        (Edit(CORE, "if len(missing) > 1 and", "if len(missing) > 1_000 and"),),
        (f"{RULES}::test_when_more_than_half_vanish_at_once_none_is_gone[abc-False]",),
    ),
    Mutation(
        "presence-once",
        "a worker that lives without Redis is gone once",
        (Edit(CORE, "Memory(look.epoch, now, seen - gone,", "Memory(look.epoch, now, seen,"),),
        (f"{RULES}::test_worker_is_gone_once",),
    ),
    Mutation(
        "presence-ends-no-job",
        "a hint ends no job",
        (Edit(LOOP, 'if cause == "gone" and (too_many or', 'if cause == "gone" and (False or'),),
        (f"{DEATHS}::test_death_ends_no_job",),
    ),
    Mutation(
        "presence-flapping",
        "a hint that was wrong about a job too often is not believed",
        (Edit(LOOP, " or lease.mistaken >= self._config.lease.max_mistaken):", "):"),),
        (f"{DEATHS}::test_hint_that_was_wrong_about_a_job_too_often_is_not_believed",),
    ),
    Mutation(
        "presence-renewed",
        "a job whose holder has renewed since it seemed to be gone has a holder that lives",
        (
            Edit(
                HEARD,
                "(lease.owner, lease.attempt, lease.beat) ==",
                "(lease.owner, lease.attempt, before.beat) ==",
            ),
        ),
        (f"{DEATHS}::test_renewal_shows_that_the_worker_lives",),
    ),
    Mutation(
        "entry-unsure",
        "a job whose claim got no answer stays named in the entry of its worker",
        (Edit(OWN, " | set(self._unsure)", ""),),
        ("tests/unit/worker/test_neighbours.py::test_job_whose_claim_got_no_answer_stays_named",),
    ),
    Mutation(
        "presence-apart",
        "a worker that says that it lives without Redis is not taken for dead",
        (Edit(HEARD, "if entry.apart}", "if False}"),),
        (f"{DEATHS}::test_worker_that_lives_without_redis_keeps_all_its_jobs",),
    ),
    Mutation(
        "presence-apart-said",
        "a worker whose connection stays away says that it lives",
        (
            Edit(
                HEARD,
                "                    await self._show()\n",
                "                    pass\n",
            ),
        ),
        (f"{DEATHS}::test_worker_that_lives_without_redis_keeps_all_its_jobs",),
    ),
    Mutation(
        "presence-apart-over",
        "a worker that is connected again takes back that it is apart",
        (
            Edit(
                HEARD,
                "            else:\n                await self._show()\n",
                "            else:\n",
            ),
        ),
        (f"{DEATHS}::test_death_of_a_worker_that_was_apart_is_heard_after_it_was_back[back]",),
    ),
    Mutation(
        "presence-apart-written",
        "an entry says whether its worker is apart",
        (Edit(OWN, "idle=idle, apart=apart)", "idle=idle)"),),
        (f"{DEATHS}::test_worker_that_lives_without_redis_keeps_all_its_jobs",),
    ),
    Mutation(
        "presence-alive",
        "a worker that was taken for dead takes the lapse back",
        (Edit("service/worker/attempt.py", "            await self._note_alive()\n", "            pass\n"),),
        (f"{DEATHS}::test_mistaken_takeover_is_counted_and_excused",),
    ),
    Mutation(
        "presence-first-claim",
        "a worker is watched before it has a job",
        (Edit(HEARD, "        self._asked |= dict.fromkeys(neighbours, now)\n", ""),),
        (f"{DEATHS}::test_worker_that_dies_right_after_its_first_claim_is_replaced_at_once",),
    ),
    Mutation(
        "presence-last-claim",
        "what a worker among many has claimed at the last is found when it dies",
        (
            Edit(
                WATCH,
                "            self._read.pop(instance, None)\n",
                "            pass\n",
            ),
        ),
        (f"{DEATHS}::test_last_claim_of_a_worker_among_many_is_found",),
    ),
    Mutation(
        "presence-several",
        "jobs of a worker that died with several do not count as poisonous",
        (Edit(LOOP, "self._troubled |= owners_of_several(dead)", "self._troubled |= set()"),),
        (f"{DEATHS}::test_jobs_of_a_worker_that_died_with_several_are_excused",),
    ),
    Mutation(
        "redis-presence-own-connection",
        "a server at which we are not subscribed ourselves says nothing about others",
        (Edit(ADAPTER, " if self._instance in present else None", ""),),
        (f"{REAL}::test_look_at_another_server_is_void",),
    ),
    Mutation(
        "redis-presence-epoch",
        "a connection that was made again begins another epoch",
        (Edit(ADAPTER, "self._epoch = str(self._generation)", 'self._epoch = "1"'),),
        (f"{REAL}::TestRedisPresence::test_cut_connection_begins_another_epoch[redis]",),
    ),
    Mutation(
        "redis-presence-refused",
        "a Redis that refuses to show the workers is not away",
        (Edit(ADAPTER, "_note_refusal(error)\n            return {}", "_note_refusal(error)\n            raise"),),
        (f"{REAL}::test_redis_that_refuses_costs_the_hint_alone[-pubsub]",),
    ),
    Mutation(
        "redis-presence-sharded",
        "on a cluster the channels are sharded ones",
        (Edit(ADAPTER, 'dict(pairs).get("mode") == "cluster"', "False"),),
        (f"{REAL}::TestRedisPresenceOnACluster::test_channels_of_a_cluster_are_sharded",),
    ),
    Mutation(
        "presence-remembered",
        "a worker that holds nothing for a while is still looked at",
        (Edit(HEARD, "if now - at <= self._policy.remembered", "if now - at <= 0"),),
        (f"{DEATHS}::test_job_that_was_claimed_a_moment_before_the_death_is_found",),
    ),
)
