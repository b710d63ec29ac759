# %% [markdown]
# # Latency is not throughput
#
# “It handles a million messages a second.” Does each of them take a microsecond, then? No. How many
# get through in a second is one question (*throughput*). How long one of them is under way is
# another (*latency*). Often, what helps the one harms the other.
#
# - **You will do:** predict how long packets take, and then send some; make a tail, three times,
#   and find out who made it; measure the same stall in two ways, of which one does not see it.
# - **You will learn:** what collecting costs; what a timeout adds; what spinning buys; how many
#   samples a percentile needs; how a measurement can leave out just what is bad.
# - **You need:** the ideas of [Measuring honestly](04_measuring_honestly.ipynb) (median, noise),
#   and about forty minutes.
#
# Make each prediction before you run the next cell. Sections that say **exact** only reckon: they
# give the same on every machine. In the others real packets are sent. None leaves your machine.

# %%
FILE = "../data/feed.pcap"  # for an ITCH file of your own, change this line and nothing else

import zcviz
from zcviz import receive
from zcviz.lessons import exercise, figure, figures, predict
from zcviz.lessons.listing import Bar, bars, listing
from zcviz.lessons.material import needs
from zcviz.lessons.timed_post import TimedPost

feed = zcviz.open(FILE)
needs(feed, "A")  # Add Orders: section 2 asks when they came
post = TimedPost()  # a process that will send packets on time; it ends with this notebook
feed

# %% [markdown]
# ## 1 · The bus and the taxi (exact)
#
# A bus with 64 seats takes many people across the town in an hour. If it leaves only when it is
# full, then who gets in first has a long wait. A taxi leaves at once, and carries few.
#
# A program that handles messages has the same choice. Say that each call of the system costs 10 µs,
# however many messages it brings, and each message costs 1 µs. Collect *n* of them, and a call
# costs 10 + *n* µs.


# %%
def most_a_second(n):
    return n / (10 + n) * 1e6


more_guess = predict(
    f"One at a time, it can handle {most_a_second(1):,.0f} a second. How many times as many with "
    "batches of 64?",
    unit="×",
)
more_guess

# %%
more_guess.reveal(
    most_a_second(64) / most_a_second(1),
    f"That makes {most_a_second(64):,.0f} a second: the 10 µs are shared by 64.",
)

# %% [markdown]
# So much for throughput. Now let one message come every 20 µs, and look at the first one of a
# batch. It waits until the batch is full. Then it waits until all of it has been handled.

# %%
wait_guess = predict(
    "One comes every 20 µs. How long does the first of 64 take, until the batch is done?",
    unit="µs",
)
wait_guess


# %%
def first_takes(n, gap=20):
    return (n - 1) * gap + 10 + n


wait_guess.reveal(
    first_takes(64),
    f"63 × 20 µs until the last one is there, and 74 µs of work. Alone it takes {first_takes(1)} "
    "µs.",
)

# %%
listing(
    ["batch", "can handle, a second", "the first one takes [µs]"],
    [(str(n), round(most_a_second(n)), first_takes(n)) for n in (1, 2, 4, 8, 16, 32, 64)],
    title="Throughput and latency, by the size of the batch",
    sentence="Both grow. Throughput has a limit (1 µs each: a million), and latency has none.",
)

# %% [markdown]
# ## 2 · Until it is full, or what is there? (exact)
#
# Nobody says that a bus has to be full. It can leave when it is back, with whoever is there. Here
# is a queue, with both rules:


# %%
def delays(arrivals, most, full, call=10, each=1):  # all times in µs
    found, free, at = [], 0, 0
    while at < len(arrivals):
        batch = arrivals[at : at + most]
        begin = max(free, batch[-1] if full else batch[0])
        batch = [time for time in batch if time <= begin]
        free = begin + call + each * len(batch)
        found += [free - time for time in batch]
        at += len(batch)
    return found


# %% [markdown]
# `arrivals` is when each message comes. With `full`, work begins when so many are there. Without
# it, work begins as soon as the program is free, with what is there by then. What comes back is how
# long each message took.

# %%
rules = {
    "one at a time": (1, True),
    "full batches of 64": (64, True),
    "what is there": (64, False),
}
rule_guess = predict(
    "800,000 come a second. Which has the least median?",
    choices=list(rules),
)
rule_guess

# %%
from statistics import median

from zcviz.lessons.curves import Curve, Plot


def median_at(rate, most, full):
    return median(delays([n * 1e6 / rate for n in range(6_400)], most, full))


# %%
RATES = (1_000, 3_000, 10_000, 30_000, 60_000, 90_000, 120_000, 200_000, 400_000, 800_000)
medians = {name: [(rate, median_at(rate, *rule)) for rate in RATES] for name, rule in rules.items()}
at_most = {name: points[-1][1] for name, points in medians.items()}
rule_guess.reveal(
    min(at_most, key=at_most.get),
    " · ".join(f"{name} {each:,.0f} µs" for name, each in at_most.items()),
)

# %%
sentence = (
    "One at a time is quick until more come than it can handle; then the queue grows and grows. "
    "Full batches keep up, and at low rates they let everybody wait. To take what is there is the "
    "quickest at both ends."
)
looks = ("database", "neutral", "plain")
curves = [Curve(name, tuple(medians[name]), look) for name, look in zip(rules, looks, strict=True)]
axis = "messages a second (logarithmic)"
plot = Plot(tuple(curves), "Median, µs (logarithmic)", axis, sentence, logarithmic=True)
plot.card("\n".join(f"{name}: {points}" for name, points in medians.items()) + "\n" + sentence)

# %% [markdown]
# **Take what is there, and never wait for more.** The batch then grows by itself when there is much
# to do. `recvmmsg` of Linux does just that, and so do the paths of this package that read from a
# socket.
#
# A market does not come evenly. Here are the orders of your file, as if the day were shorter, so
# that on average 60,000 come a second. One at a time could handle 90,909.

# %%
import numpy as np

times = np.sort(feed.table("A")["timestamp"])[:20_000].astype(float)
times -= times[0]
squeezed = (times * (len(times) / 60_000 * 1e6 / max(times[-1], 1))).tolist()  # µs
uneven_guess = predict(
    "Evenly, each takes 11 µs. One at a time, how long does the unluckiest order of the file take?",
    unit="µs",
)
uneven_guess

# %%
uneven = {name: delays(squeezed, *rule) for name, rule in rules.items()}
uneven_guess.reveal(
    max(uneven["one at a time"]),
    " · ".join(f"{name}: at most {max(each):,.0f} µs" for name, each in uneven.items())
    + ". An average rate that can be handled does not mean that nobody waits.",
)

# %% [markdown]
# ## 3 · For real: two lists and a subtraction
#
# Now with packets. A process of its own sends them, each with a number, and each on time. It writes
# down when it sent number *n*. We write down when we had handled number *n*. The difference is how
# long it was under way. (Both read the same clock. Between two machines there would be two clocks,
# and to make them agree is an art of its own.)


# %%
def send(name, path="udp.recv_into", options=None, **how):
    with receive.open(path, **(options or {})) as receiver:
        return post.run(receiver, name, **how)


first = send("one at a time", rate=2_000, number=832)
first

# %% [markdown]
# Each column is a number of packets. To the right it takes longer: **each line is ten times the one
# before**, since a tail is far away. The heights are logarithmic too, so that a single packet can
# be seen. The two long lines are the median (p50) and p99: 99 of 100 took less.
#
# What hangs down below, red, is the *stall meter*. It says for how long your machine let this
# program wait although it was ready to run. We come to it in section 7.
#
# Now collect before you handle:

# %%
batch_guess = predict(
    "2,000 come a second, one every 0.5 ms. They are handled when 64 are there. And the median?",
    unit="ms",
)
batch_guess

# %%
from zcviz.lessons.latency_words import of_batches
from zcviz.lessons.under_way import Runs

batched = {
    size: send(f"batches of {size}", rate=2_000, number=832, at_once=size) for size in (1, 8, 64)
}
batch_guess.reveal(
    batched[64].p(50) / 1e6,
    "The first one waits for 63 others, which is 31.5 ms, and the last one for none.",
)

# %%
Runs(*batched.values(), sentence=of_batches(batched, 5e5))

# %% [markdown]
# And what do batches bring? We fill a socket's buffer, and then we time how long it takes to empty
# it: no waiting, only work.

# %%
from zcviz.lessons.draining import drained

cost_guess = predict(
    "To take one datagram for each call costs so and so much. How many times cheaper is each, with "
    "64 for each call?",
    unit="×",
)
cost_guess

# %%
emptied = drained((1, 4, 16, 64))
cost_guess.reveal(
    emptied[1] / emptied[64],
    "What is done once for a batch (a Python object, and on Linux the call of the system) is "
    "shared by all that are in it. Emptying takes what is there, so here nobody waits for it.",
)

# %%
bars(
    [Bar(f"{size} at once", cost) for size, cost in emptied.items()],
    "µs",
    title="To take a datagram out of the buffer, each",
)

# %% [markdown]
# ## 4 · A block with a timeout
#
# A *packet ring* (`packet.ring_v3`) is memory that the kernel fills block by block. You get a block
# when it is full. If few packets come, that may take long; so there is a timeout. After it you get
# the block as it is. First **exact**: a block is handed over so long after its first packet.


# %%
def in_blocks(arrivals, timeout):  # in ms
    found, until = [], -1
    for came in arrivals:
        if came > until:
            until = came + timeout  # the first packet of a block
        found.append(until - came)
    return found


block_guess = predict(
    "One packet comes every millisecond. The timeout is 60 ms. What is the median?", unit="ms"
)
block_guess

# %%
by_timeout = {timeout: median(in_blocks(range(6_100), timeout)) for timeout in (1, 10, 60)}
block_guess.reveal(
    by_timeout[60],
    "The first one of a block waits for all of the timeout, the last one for nothing. "
    + " · ".join(f"{timeout} ms: {each:g} ms" for timeout, each in by_timeout.items()),
)

# %% [markdown]
# **Half of the timeout.** You need not measure anything to know it. Let us do it all the same:

# %%
from zcviz.lessons import callout
from zcviz.lessons.latency_words import of_blocks
from zcviz.receive.probing import remedy

RING = "packet.ring_v3"
how = {"rate": 1_000, "number": 600}
try:
    rings = {
        timeout: send(f"timeout {timeout} ms", RING, {"retire": timeout, "block": 1 << 16}, **how)
        for timeout in (1, 10, 60)
    }
    in_rings = Runs(*rings.values(), sentence=of_blocks(rings))
except OSError as refused:
    in_rings = callout(f"Not measured here. {RING}: {remedy(RING, refused.errno)}.")
in_rings

# %% [markdown]
# A ring is the cheapest way to receive a lot, and the timeout is what it costs when little comes.
# The same holds for whatever collects “until it is full or some time has passed”: log writers,
# network cards (*interrupt coalescing*), databases.

# %% [markdown]
# ## 5 · To sleep or to spin
#
# Nothing has come yet. What do you do?
#
# - **Sleep**: tell the kernel to wake you. That takes a while, for you have to be given a processor
#   again.
# - **Spin**: ask again and again. Then you are awake when it comes. It takes a whole processor,
#   also when nothing comes.

# %%
spin_guess = predict(
    "1,000 come a second. Asleep in between, the program takes a few per cent of a processor. How "
    "many does it take when it spins?",
    unit="%",
)
spin_guess

# %%
from zcviz.lessons.latency_words import of_spinning

asleep = send("asleep in between", number=600)
spinning = send("spinning", number=600, spin=True)
spin_guess.reveal(spinning.cpu * 100, of_spinning(asleep, spinning))

# %%
Runs(asleep, spinning)

# %% [markdown]
# On a processor of your own, spinning wins: there is nobody to wake. On one that you share it may
# be the other way round. Who never sleeps has used up his share when it matters.
#
# The kernel can spin for you, near the network card: `receive.open(…, busy_poll=50)` asks it to do
# so for 50 µs before it sleeps. Packets on your own machine do not pass a card, so that shows
# nothing here.

# %% [markdown]
# ## 6 · When Python tidies up
#
# Every now and then, Python's garbage collector runs. Nothing else does, meanwhile. Here it is told
# to, once, after packet 500:

# %%
import gc


def tidy(n):
    if n == 500:
        gc.collect()


# %%
tidy_guess = predict(
    "1,000 come in a second. The collector runs once. How many of them take 1 ms or longer?",
    unit="packets",
)
tidy_guess

# %%
from zcviz.lessons.collector import Strikes, set_aside
from zcviz.lessons.latency_words import of_collecting

untidy = send("no collection", number=1_000)
gc.callbacks.append(strikes := Strikes())
tidied = send("a collection", number=1_000, work=tidy)
gc.callbacks.remove(strikes)
tidy_guess.reveal(tidied.blame.late, of_collecting(untidy, tidied, strikes))

# %% [markdown]
# One packet set it off. All that came while it ran found nobody there.
#
# What to do? `gc.freeze()` tells the collector to leave alone what exists by now. Then it has
# little to go through. (`set_aside` does that, and takes it back.)

# %%
with set_aside():
    frozen = send("a collection, after gc.freeze()", number=1_000, work=tidy)
Runs(untidy, tidied, frozen)

# %% [markdown]
# Compare the medians, and then p99. **A tail is not in the median.** Nor is it in the throughput:
# that was 1,000 packets in a second, each time.
#
# A program that must not pause allocates nothing while it works. Views and arrays that were there
# before give the collector no reason to run. That is what this package is about.

# %% [markdown]
# ## 7 · Who made the tail?
#
# A packet took 4 ms. Was it your program? Or was your program ready, and the machine had given the
# processor to somebody else? From latencies alone, **nobody can tell**.
#
# The stall meter can. Linux notes for each thread how long it was ready to run and did not get a
# processor (`/proc/…/schedstat`). The process that sends looks at that a hundred times a second.
# (Elsewhere it looks how much too long a short sleep takes.) Take this time away from what a packet
# took. If less than 1 ms is left, it was late only because of the machine.
#
# So let us make a tail of the other kind. Two other programs share the processor with this one, and
# never pause:

# %%
share_guess = predict(
    "Two programs that never pause, on the same processor. How many of 1,000 packets take 1 ms or "
    "longer now?",
    unit="packets",
)
share_guess

# %%
from zcviz.lessons.neighbours import neighbours

with neighbours(2):
    crowded = send("two neighbours", number=1_000)
share_guess.reveal(crowded.blame.late, crowded.verdict)

# %%
Runs(tidied, crowded, sentence=f"Collecting: {tidied.verdict} Neighbours: {crowded.verdict}")

# %% [markdown]
# Two tails, and two different things to do. Read it like this:
#
# - **Columns to the right, and nothing hangs below them**: it was the program. Look there.
# - **Columns to the right, and stalls of the same length below**: it was the machine. Give the
#   program a processor of its own, or measure again when it is quiet.
# - **Some of each**, and stalls for a tenth of the time or more: then say nothing about the tail.
#   The sentences on this page do the same.

# %%
listing(
    ["run", "1 ms or longer", "only because of the machine", "made by"],
    [
        (each.name, each.blame.late, each.blame.machine, each.blame.culprit)
        for each in (untidy, tidied, frozen, crowded)
    ],
    title="Who made the tail",
    sentence=crowded.verdict,
)

# %% [markdown]
# ## 8 · How many samples does a percentile need?
#
# The median is p50. p99 is what 99 of 100 do not exceed, and p99.9 what 999 of 1,000 do not. Let us
# measure something of which we know the truth (**exact**): latencies out of a random generator,
# whose p50 is 14 µs, whose p99 is 100 µs, and whose p99.9 is 316 µs.

# %%
rng = np.random.default_rng(7)
TRUE = 10_000 * 1_000**0.5  # ns


def measured(number):
    return 10_000 / np.sqrt(1 - rng.random(number))  # a long tail, as latencies have


few_guess = predict(
    "Take 100 samples, and report their p99.9. Do that 200 times. In how many of the 200 is the "
    "report better than the truth?",
    unit="of 200",
)
few_guess

# %%
from zcviz.lessons.quantiles import bounds, enough_for

SIZES = (100, 1_000, 10_000, 100_000)
reports = {
    number: sorted(bounds(measured(number), 99.9).value for _ in range(200)) for number in SIZES
}
flattering = {number: sum(each < TRUE for each in found) for number, found in reports.items()}
few_guess.reveal(
    flattering[100],
    "Of 100 samples, p99.9 is the largest. Whatever happens once in a thousand times is not among "
    "them, nine times out of ten. With few samples a tail looks **good**.",
)

# %%
listing(
    ["samples", "median report [µs]", "nine tenths of them", "too good, of 200"],
    [
        (f"{n:,}", round(found[100] / 1e3), f"{found[10] / 1e3:.0f} to {found[190] / 1e3:.0f} µs",
         flattering[n])
        for n, found in reports.items()
    ],
    title="p99.9 as it is reported; the truth is 316 µs",
    sentence="With more samples, the reports come together, and they come to the truth.",
)  # fmt: skip

# %% [markdown]
# You do not know the truth when you measure. But you can say between what it lies, whatever the
# values are like. Each of them is below the true p99.9 with a chance of 999 in 1,000. That is like
# tossing a coin, and for coins one can count. Put the values in order: so many from the top, and so
# many from there, are two that have the truth in between, with 95 % confidence.

# %%
enough_guess = predict(
    "How many samples does it take until one of them is, with that confidence, above the true "
    "p99.9?",
    unit="samples",
)
enough_guess

# %%
enough_guess.reveal(
    enough_for(99.9),
    f"For p99 it is {enough_for(99):,}, for p99.99 {enough_for(99.99):,}. With fewer, your p99.9 "
    "is a lower bound, and the truth may be anything above it.",
)

# %%
inside = [bounds(measured(10_000), 99.9) for _ in range(200)]
right = sum(each.low <= TRUE <= each.high for each in inside)
figures(
    figure(right, "of 200", "intervals of 10,000 samples have the truth in between"),
    sentence=inside[0].sentence,
)

# %% [markdown]
# And for the packets that you sent?

# %%
from zcviz.lessons.tails import duration

known = [bounds(untidy.latencies, each) for each in (50, 99, 99.9)]
listing(
    ["percentile", "measured", "the true one, with 95 % confidence"],
    [(f"p{each.percent:g}", duration(each.value), each.between) for each in known],
    title=f"“{untidy.name}”, {len(untidy.latencies):,} packets",
    sentence=known[-1].sentence,
)

# %% [markdown]
# One more thing: this counts as if each sample were on its own. Packets that wait behind the same
# pause are not. A tail that comes from one pause is one sample, however many packets are in it.

# %% [markdown]
# ## 9 · The question that was not asked
#
# How does one measure how long a service takes to answer? Ask, wait for the answer, look at the
# clock, ask again. First **exact**. A service answers in 100 µs. Once, for a tenth of a second, it
# stands still. Somebody asks it a thousand times a second:


# %%
def answered(asked):  # in µs: when the answer is there
    return 100 + (600_000 if 500_000 <= asked < 600_000 else asked)


def who_waits(gap=1_000):
    now, taken = 0, []
    while now < 1_000_000:
        done = answered(now)
        taken.append(done - now)
        now = max(now + gap, done)  # no question before the answer is there
    return taken


# %%
waits = who_waits()
omitted_guess = predict(
    f"In this second, {len(waits)} questions were asked. How many answers took longer than 1 ms?",
    unit=f"of {len(waits)}",
)
omitted_guess

# %%
slow = sum(each > 1_000 for each in waits)
omitted_guess.reveal(
    slow,
    "The one that was asked when it stopped. All the others that would have come in this tenth of "
    "a second were not asked: who measures was waiting, too.",
)

# %% [markdown]
# Real packets do not wait for you. A thousand a second is one every millisecond, stall or no stall.
# So decide **beforehand** when each is due, and count from then:

# %%
on_time = [answered(due) - due for due in range(0, 1_000_000, 1_000)]
p99 = {name: bounds(each, 99).value for name, each in (("waits", waits), ("on time", on_time))}
figures(
    figure(slow, "", f"of {len(waits)} longer than 1 ms, for who waits"),
    figure(p99["waits"], "µs", "its p99"),
    figure(sum(each > 1_000 for each in on_time), "", f"of {len(on_time):,}, for who is on time"),
    figure(p99["on time"], "µs", "its p99"),
    sentence="The service was the same. For a tenth of the time it stood still, and the first p99 "
    "does not know it.",
)

# %% [markdown]
# This is called *coordinated omission* (the name is Gil Tene's): the measurer and what is measured
# stop together. It makes the worst moments vanish, and the better the figures look, the worse it
# was.
#
# For real: the program that handles our packets sleeps for 100 ms at number 300. Once the sender
# waits for an answer before it sends the next one, and once it sends on time.

# %%
import time


def pause_once(n):
    if n == 300:
        time.sleep(0.1)


real_guess = predict(
    "600 packets each. How many take longer than 10 ms where the sender is on time?", unit="packets"
)
real_guess

# %%
from zcviz.lessons.latency_words import of_omission

patient = send("waits for answers", number=600, work=pause_once, answer=True)
paced = send("sends on time", number=600, work=pause_once)
real_guess.reveal(
    int((paced.latencies > 1e7).sum()),
    "One comes every millisecond, and the pause takes 100 ms. All but the last ten of these wait "
    "longer than 10 ms.",
)

# %%
Runs(patient, paced, sentence=of_omission(patient, paced, 1e8, 1e7))

# %% [markdown]
# A sender may be late itself: it sleeps too long, or it has no processor. Then “sent” is too late,
# too. Counted from when each was **due**, that is in it:

# %%
by_due = paced.counted_from("due", "sends on time, from when each was due")
late = f"It was sent {np.median(paced.sent - paced.due) / 1e3:,.0f} µs late, by the median."
Runs(paced, by_due, sentence=late)

# %% [markdown]
# ## 10 · What to write beside a latency

# %%
facts = {
    "from when to when": "from sending (by number) to being handled, one clock",
    "rate": "1,000 a second, on time, without waiting for answers",
    "path": "udp.recv_into, asleep in between, one at a time",
    "p50": f"{duration(known[0].value)} (95 %: {known[0].between})",
    "p99": f"{duration(known[1].value)} (95 %: {known[1].between})",
    "the longest": f"{duration(untidy.p(100))}, of {len(untidy.latencies):,}",
    "lost": f"{untidy.lost}",
    "the machine": f"waited for a processor for {untidy.stalled:.1%} of the time",
}
title = "What another person needs"
listing(["", "beside the figure"], facts.items(), title=title, sentence=untidy.verdict)

# %% [markdown]
# And what to do, if it is too long?
#
# | you see | it is | do |
# |---|---|---|
# | a median near half of a round number | a timeout | make it shorter, or another path |
# | it grows with the batch | waiting for others | take what is there |
# | median good, tail long, meter quiet | a pause of your program | collector, allocation, locks |
# | tail long, meter not quiet | the machine | a processor of its own, or spin on one |
# | it grows all the time | more comes than is handled | less work; batches; no buffer |
# | all too good | the measurement | who waits for whom? how many samples? |

# %% [markdown]
# ## What you saw
#
# - Batches share costs, and make the first one wait. To take what is there does not.
# - A timeout of *t* adds half of *t* to the median.
# - Spinning is awake at once and takes a processor. On one that is shared, it may be slower.
# - A pause hits all that come meanwhile. It is in the tail; median and throughput hide it.
# - The stall meter says whether the machine was in the way. Without it a tail belongs to nobody.
# - p99.9 takes thousands of samples. With fewer it looks better than it is.
# - Who waits for the answer before asking again does not measure the stall.

# %% [markdown]
# ## Three exercises
#
# The check runs your function on a machine of its own, whose clock goes on only as it is told to.
# There are hints.

# %%
percentile_task = exercise("percentile", FILE)
percentile_task


# %%
def percentile(values, percent):
    # your code
    return None


percentile_task.check(percentile)


# %% [markdown]
# Here is the measurer of section 9 that waits:


# %%
def stop_and_wait(ask, number, gap, clock, sleep):
    taken = []
    for _ in range(number):
        start = clock()
        ask()
        taken.append(clock() - start)
        sleep(max(0, start + gap - clock()))
    return taken


schedule_task = exercise("on_schedule", FILE)
schedule_task


# %%
def on_schedule(ask, number, gap, clock, sleep):
    # your code
    return stop_and_wait(ask, number, gap, clock, sleep)


schedule_task.check(on_schedule)


# %% [markdown]
# And here is a bus that leaves only when it is full:


# %%
def full_batch(receive, most, patience, clock):
    return [receive(None) for _ in range(most)]


batch_task = exercise("batch_of", FILE)
batch_task


# %%
def batch_of(receive, most, patience, clock):
    # your code
    return full_batch(receive, most, patience, clock)


batch_task.check(batch_of)

# %% [markdown]
# The sender can go now. (It would also end by itself.)

# %%
post.close()
post

# %% [markdown]
# ## Where to go next
#
# - **Another path:** in section 3, `send("…", "udp.recvmmsg")`, or `"asyncio"`.
# - **Another rate:** `rate=200` or `rate=5_000` in section 5. Does spinning still pay?
# - **The dashboard:** `zcviz.dashboard()` has this histogram and the stall meter live.
# - **Before this page:** [Measuring honestly](04_measuring_honestly.ipynb) ·
#   [When the buffer overflows](06_when_the_buffer_overflows.ipynb)
#
# ```python
# from zcviz import receive
#
# with receive.open("low-latency", port=26400) as receiver:
#     for batch in receiver.batches(timeout=1.0):  # what is there, never more
#         work_on(batch)
# ```
