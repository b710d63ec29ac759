# %% [markdown]
# # Measuring honestly
#
# “Zero-copy is 5 times as fast.” Where does such a figure come from, and would you get it too? On
# this page you measure memory and time with tools that see different things. Then you take a sound
# benchmark, break it in five ways, and mend it again.
#
# - **You will do:** predict what a tool sees before you look; time the same work hundreds of
#   times; break a benchmark five times, and mend it.
# - **You will learn:** what tracemalloc sees and what it does not; why one figure says little; why
#   a ratio from one run is worth more than two times from two runs; what to write beside a figure.
# - **You need:** the ideas of [Start here](00_start_here.ipynb) (copy, view), and about forty
#   minutes.
#
# Make each prediction before you run the next cell. All figures are measured while you read, on
# your machine. Some of them will not be what the text leads you to expect: then believe the
# figures.

# %%
FILE = "../data/feed.pcap"  # for an ITCH file of your own, change this line and nothing else

import zcviz
from zcviz.lessons import exercise, figure, figures, predict
from zcviz.lessons.material import needs

# %load_ext zcviz
counted = found = None  # what two magics measure goes here

feed = zcviz.open(FILE)
needs(feed, "A")  # Add Orders: their shares are added up below
feed

# %% [markdown]
# Here is the work that is measured on this page: how many shares do the first orders of the day
# have in all? One function cuts each order out of the file, the other looks at the four bytes where
# they are.

# %%
from struct import Struct

order = feed.protocol["A"]
size, shares = order.size, order["shares"].offset
unpack = Struct(">I").unpack_from


def some_orders(feed):
    return feed.index.of_type(ord("A"))[:5_000].tolist()  # where they are in the file


# %%
def ways_on(feed):
    view = feed.source.view

    def copying():
        messages = (bytes(view[at : at + size]) for at in some_orders(feed))
        return sum(unpack(message, shares)[0] for message in messages)

    def zero_copy():
        return sum(unpack(view, at + shares)[0] for at in some_orders(feed))

    return {"copying": copying, "zero-copy": zero_copy}


ways = ways_on(feed)
{name: way() for name, way in ways.items()}

# %% [markdown]
# ## 1 · What tracemalloc sees
#
# Python comes with a tool that follows memory: `tracemalloc`. While it traces, it notes for each
# block of memory how large it is and which line of code asked for it. `zcviz.allocations` is a
# window on it: what happened inside the block of code, and nothing else.

# %%
with zcviz.allocations() as seen:
    kept = [bytes(100) for number in range(1_000)]
    dropped = [bytes(100) for number in range(1_000)]
    del dropped
seen.result

# %% [markdown]
# It knows what is **held** at the end, by line, and what was the most at any moment. Note that each
# `bytes` takes more than its 100 bytes: every object has a head.
#
# The function `copying` makes a copy of each order. Let us ask the tool how much that is.

# %%
copied = len(some_orders(feed)) * size
held_guess = predict(
    f"Copying copies {copied:,} bytes in all. How many bytes are held when it is done?",
    unit="bytes",
)
held_guess

# %%
with zcviz.allocations() as seen:
    ways["copying"]()
held_guess.reveal(
    max(seen.net, 0),
    f"Each copy was freed as soon as the next one was there. (At most, there were "
    f"{seen.peak:,} bytes at once. That is for the list of places.)",
    kind="copying",
)

# %% [markdown]
# That is no mistake. tracemalloc says what is there, not what was done. To count what was done,
# somebody has to stand at the allocator and count each call. `exact=True` does that, and so does
# `%%zcmem` for a cell:

# %%
# %%zcmem -o counted
ways["copying"]()

# %% [markdown]
# The second table has a row for each allocator: how many blocks were asked for, and how many bytes
# in all, freed or not. (If it says *not measured*, the sentence below it says why. Exact counting
# needs numba and CPython; this lesson goes on without it.)

# %%
with zcviz.allocations(exact=True) as in_place:
    ways["zero-copy"]()
every = {"copying": counted.exact.total, "zero-copy": in_place.result.exact.total}
figures(
    *(
        figure("not measured" if flow is None else flow.bytes, "B" * bool(flow), f"in all: {name}")
        for name, flow in every.items()
    ),
    sentence="The function that copies no byte of a message allocates too: numbers, and a list of "
    "places. Both figures hold all of it.",
)

# %% [markdown]
# ### What neither of them sees
#
# Not all memory comes from Python's allocators. Here are some ways to get a megabyte. In each case
# we know that it is there, for we asked for it; in one of them, for a moment only.

# %%
import mmap
import sqlite3

import numpy as np

from zcviz.lessons.queries import optional
from zcviz.lessons.tracers import seen_by

MB = 1_000_000


def database():
    made = sqlite3.connect(":memory:")
    made.execute(f"CREATE TABLE t AS SELECT zeroblob({MB}) AS bytes")
    return made


# %%
def thousand_copies():
    for _ in range(1_000):
        bytes(MB // 1_000)


makers = {
    "a bytes object": lambda: bytes(MB),
    "a numpy array": lambda: np.ones(MB, np.uint8),
    "1,000 copies, dropped": thousand_copies,
    "a map": lambda: mmap.mmap(-1, MB),
    "a table in sqlite, a C library": database,
}
if pyarrow := optional("pyarrow"):
    makers["a buffer of Arrow"] = lambda: pyarrow.allocate_buffer(MB)

# %%
seen_guess = predict(
    f"{len(makers)} ways to get a megabyte. Of how many does tracemalloc say, at the end, that "
    "the megabyte is held?",
    choices=list(range(len(makers) + 1)),
)
seen_guess

# %%
sightings = seen_by({name: (MB, make) for name, make in makers.items()})
seen_guess.reveal(sum(row.held >= MB for row in sightings.rows), sightings.sentence)

# %%
sightings.shown

# %% [markdown]
# numpy reports the data of its arrays. Maps, C libraries and Arrow do not. So “it allocates
# nothing” is never what such a tool says. What it says is: nothing that it can see.

# %% [markdown]
# ## 2 · Time under tracing
#
# You have a window open anyway. Why not look at the clock as well, and save a run? Let us time
# both functions with and without, and a third thing: the checksum of the whole file. That is one
# call, and it allocates next to nothing.

# %%
trace_guess = predict(
    "How many times as long does copying take under tracemalloc?",
    choices=[1, 1.5, 2, 4, 8, 16],
    unit="×",
)
trace_guess

# %%
from zlib import crc32

from zcviz.lessons.tracers import in_words, slowdown

slower = slowdown({**ways, "a checksum": lambda: crc32(feed.data)})
trace_guess.reveal(slower.traced["copying"], in_words(slower.traced) + ".", kind="copying")

# %%
slower.shown

# %% [markdown]
# Tracing works at each allocation. Code that allocates often pays often, and the checksum hardly at
# all: there is no one factor by which to correct such a time. (A factor below 1 is noise: see
# section 4.) Exact counting has its price too. **Never read a time off code that is watched.**

# %% [markdown]
# ## 3 · The first call
#
# Three functions, each called twenty times. The first fetches a column with compiled code. The
# second asks a file, newly opened, for its orders. The third writes into memory that nobody has
# touched.

# %%
first_guess = predict(
    "Of the three, which first call is the slowest, compared with the later ones?",
    choices=["compiled code", "a new file", "new memory"],
)
first_guess

# %%
from zcviz.codec import gather
from zcviz.lessons.warmup import first_calls

new_file, new_memory = zcviz.open(FILE), np.empty(16 << 20, np.uint8)
orders = feed.index.of_type(ord("A"))
started = first_calls(
    {
        "compiled code": lambda: gather(feed.data, orders, order, "shares"),
        "a new file": lambda: new_file.index.of_type(ord("A")),
        "new memory": lambda: new_memory.fill(1),
    }
)
started

# %%
first_guess.reveal(
    max(started.first, key=started.first.get),
    " · ".join(f"{name} {ratio:,.1f} ×" for name, ratio in started.first.items())
    + ". Run the cell above once more: what was compiled or loaded in this Python stays so.",
)

# %% [markdown]
# - **Compiled code** has to be loaded, or compiled, before it runs for the first time.
# - **A new file** has no index yet. The first who asks has it made, and it is kept.
# - **New memory** is a promise of the system. It is kept page by page, when somebody first writes.
#
# None of that is wrong, and for a program that runs once it *is* the cost. But say which you
# measured: the first call, or the later ones.

# %% [markdown]
# ## 4 · Noise
#
# Now all is loaded, and nothing changes any more. Our two functions, two hundred times each:

# %%
noise_guess = predict(
    "How many times as long as its fastest run does the slowest run of copying take?",
    choices=[1.01, 1.1, 1.5, 3, 10, 30],
    unit="×",
)
noise_guess

# %%
from zcviz.lessons.collector import aftermath, collected, set_aside
from zcviz.lessons.spread import drift, time_often

with set_aside():  # the garbage collector is kept out of it: see below
    noise = time_often(ways, 200)
runs = noise.samples[0]
noise_guess.reveal(
    runs.spread, f"From {runs.least:,.0f} to {runs.most:,.0f} µs, for the same work.", "copying"
)

# %%
noise

# %% [markdown]
# Each column is a number of runs. The unbroken line is the median: as many runs are below it as
# above. The broken line is the mean. (Runs that are far out are counted, and not drawn.)
#
# - **The least** is what the work takes when nothing gets in the way. Things that get in the way
#   make a run longer, and hardly ever shorter.
# - **The median** does not move if a few runs are disturbed, however much.
# - **The mean** does. A single slow run pulls it up, and afterwards nobody sees that it was one.
#
# No figure says what a picture does. If you have room for two, give the median and the spread.

# %% [markdown]
# ### When Python tidies up
#
# Every now and then Python looks for objects that only keep one another alive. It does so when
# enough objects have been made, whoever made them, and whether your clock is running or not.

# %%
import gc
from itertools import islice

collector_guess = predict(
    "5,000 records are made and kept. The collector runs whenever there are "
    f"{gc.get_threshold()[0]:,} objects more than before. How often is that?",
    unit="times",
)
collector_guess

# %%
with set_aside():
    tidy = collected(lambda: list(islice(feed.records(), 5_000)), rounds=30)
collector_guess.reveal(max(tidy.strikes), tidy.sentence)

# %%
tidy.spread

# %% [markdown]
# So a benchmark switches it off while the clock runs, and lets it run in between.
#
# ### What is in the caches
#
# A processor keeps what it used last close at hand, in its caches. Whatever runs in between may
# drive it out: the collector, for one, goes through all objects of the program. Take the same work
# right after a collection, and once more after that:

# %%
caches_guess = predict(
    "How many times as long does zero-copy take right after a collection as in the next run?",
    choices=[1, 1.1, 1.3, 2, 5],
    unit="×",
)
caches_guess

# %%
after_collecting = aftermath(ways["zero-copy"])
one, other = after_collecting.samples
caches_guess.reveal(one.median / other.median, after_collecting.sentence)

# %%
after_collecting

# %% [markdown]
# If the first of the two is slower here, then whoever comes first after the collector is at a
# disadvantage, in every round. `set_aside`, which you saw above, tells the collector to leave alone
# what exists already (`gc.freeze`). Then it has little to go through.

# %% [markdown]
# ## 5 · A ratio, from one run
#
# Is A faster than B? You can time A, and then B. Or you can time them in turns, A B A B. To see
# what that changes, take a case in which the answer is known: A and B are the same function.

# %%
drift_guess = predict(
    "The same function on both sides. Which way is further off from 1, on your machine, now?",
    choices=["one after another", "in turns", "about the same"],
)
drift_guess

# %%
with set_aside():
    drifting = drift(ways["zero-copy"])
drift_guess.reveal(drifting.further, drifting.sentence)

# %%
drifting.spread

# %% [markdown]
# A quiet machine shows little here: for as long as nothing happens, the order does not matter. But
# you do not know beforehand whether something will: another program, a processor that gets hot, a
# virtual machine that has to wait. Measured in turns, it hits both sides; and in the ratio it goes
# out.
#
# The same holds for two figures from two days, from two machines, or from two papers. The ratio of
# two figures that were not measured in one run has both noises in it, and the drift as well.

# %% [markdown]
# ## 6 · The workshop
#
# Here is a benchmark. It is short, and each line of it has a reason.

# %%
from statistics import median
from time import perf_counter

from zcviz.bench.measure import turns


# %%
def benchmark(ways, rounds=30, clock=perf_counter):
    first, *others = [way() for way in ways.values()]  # a warm-up, and answers to compare
    if any(other != first for other in others):
        raise ValueError("they do not give the same")
    taken = {name: [] for name in ways}
    for name in turns(list(ways), rounds):  # A B A B; the collector runs between rounds only
        start = clock()
        answer = ways[name]()
        taken[name].append(clock() - start)
        del answer  # off the clock
    return {name: median(times) for name, times in taken.items()}


# %%
def verdict(seconds):
    return seconds["copying"] / seconds["zero-copy"]


with set_aside():
    sound_times = benchmark(ways)
sound = verdict(sound_times)
per = "time of copying, as a multiple of that of zero-copy"
figure(sound, "×", per, "This is the verdict that you will now bend.")

# %% [markdown]
# ### Break 1: a clock under tracing
#
# Time and memory in one go: that saves a run.


# %%
def time_and_memory(work, clock=perf_counter):
    with zcviz.allocations() as seen:
        start = clock()
        work()
        seconds = clock() - start
    return seconds, seen.peak


# %%
traced_guess = predict(f"Sound: {sound:.2f} ×. What is the verdict under tracing?", unit="×")
traced_guess

# %%
traced = verdict({name: time_and_memory(way)[0] for name, way in ways.items()})
luck = "That is close, by luck." if 0.9 < traced / sound < 1.1 else "That is another verdict."
traced_guess.reveal(
    traced,
    f"Sound: {sound:.2f} ×. {luck} Each of the two was slowed down by a factor of its own "
    f"(section 2: {in_words(slower.traced)}), and the ratio of these factors is in the verdict.",
)

# %% [markdown]
# Had one way been as poor in allocations as the checksum, the verdict would be worth nothing.
#
# Now mend it. The check tries your function on a machine of its own, whose clock goes on only as it
# is told to. So it knows what is right. As it stands, your function is the broken one.

# %%
mend_memory = exercise("apart", FILE)
mend_memory


# %%
def apart(work, clock=perf_counter):
    # your code
    return time_and_memory(work, clock)


mend_memory.check(apart)

# %% [markdown]
# ### Break 2: the first call
#
# Once is enough, isn't it?


# %%
def time_once(work, clock=perf_counter):
    start = clock()
    work()
    return clock() - start


# %%
cold_guess = predict(
    f"Sound: {sound:.2f} ×. A new file, each timed once, copying first. What is the verdict now?",
    unit="×",
)
cold_guess

# %%
cold = verdict({name: time_once(way) for name, way in ways_on(zcviz.open(FILE)).items()})
turned = reversed(ways_on(zcviz.open(FILE)).items())
cold_turned = verdict({name: time_once(way) for name, way in turned})
cold_guess.reveal(
    cold,
    f"With zero-copy first it is {cold_turned:.2f} ×. Whoever comes first pays for the index, "
    "which both of them use.",
)

# %%
mend_once = exercise("warm", FILE)
mend_once


# %%
def warm(work, clock=perf_counter):
    # your code
    return time_once(work, clock)


mend_once.check(warm)

# %% [markdown]
# ### Break 3: a way that does less
#
# Somebody has found a much faster zero-copy. It leaves out `sum`, and nobody looks at the answer.

# %%
view = feed.source.view
quick = {
    "copying": ways["copying"],
    "zero-copy": lambda: (unpack(view, at + shares)[0] for at in some_orders(feed)),
}


def time_blindly(ways, clock=perf_counter):
    return {name: min(time_once(way, clock) for turn in range(9)) for name, way in ways.items()}


# %%
less_guess = predict(f"Sound: {sound:.2f} ×. What is the verdict now?", unit="×")
less_guess

# %%
less = verdict(time_blindly(quick))
less_guess.reveal(
    less,
    "It made a generator and added up nothing. A verdict that is too good is a reason to look at "
    "the answers; and one that is not too good, too.",
)

# %%
mend_blind = exercise("equals", FILE)
mend_blind


# %%
def equals(ways, clock=perf_counter):
    # your code
    return time_blindly(ways, clock)


mend_blind.check(equals)

# %% [markdown]
# ### Break 4: one after another
#
# First all rounds of copying, then all rounds of zero-copy.


# %%
def one_by_one(ways, clock=perf_counter, rounds=30):
    taken = {name: [] for name in ways}
    for name, way in ways.items():
        for _ in range(rounds):
            start = clock()
            way()
            taken[name].append(clock() - start)
    return {name: median(times) for name, times in taken.items()}


# %% [markdown]
# On a quiet machine you would see little. So let something happen: from the fortieth of sixty
# runs on, a profiler looks on and makes every call slower. It stands in for whatever may come up on
# a machine while you measure.

# %%
hit_guess = predict(
    f"Sound: {sound:.2f} ×. The last 20 of 60 runs are slower. What is the verdict now?",
    unit="×",
)
hit_guess

# %%
from zcviz.lessons.disturbance import disturbed

with set_aside():
    with disturbed(ways, after=40) as unlucky:
        hit = verdict(one_by_one(unlucky))
    with disturbed(ways, after=42) as unlucky:  # two more, for the warm-up
        shared = verdict(benchmark(unlucky))
hit_guess.reveal(
    hit,
    f"In turns, with the same disturbance: {shared:.2f} ×. There it hits ten rounds of each way, "
    "and not twenty of one. As long as it is less than half, a median hardly moves.",
)

# %%
mend_order = exercise("in_turns", FILE)
mend_order


# %%
def in_turns(ways, clock=perf_counter):
    # your code
    return one_by_one(ways, clock)


mend_order.check(in_turns)

# %% [markdown]
# ### Break 5: everything on the clock
#
# The clock starts early and stops late.


# %%
def time_everything(prepare, work, clock=perf_counter):
    start = clock()
    answer = work(prepare())
    print("the answer is", answer)
    del answer
    return clock() - start


# %%
more_guess = predict(
    f"Sound: {sound:.2f} ×. The clock sees the file being opened, too. What is the verdict now?",
    unit="×",
)
more_guess


# %%
def prepare():
    opened = zcviz.open(FILE)
    opened.index  # has it made
    return ways_on(opened)


def with_file(benchmark, name):
    return benchmark(prepare, lambda prepared: prepared[name]())


# %%
more = verdict({name: with_file(time_everything, name) for name in ways})
more_guess.reveal(
    more,
    f"Sound: {sound:.2f} ×. What both ways have on the clock, without being different in it, moves "
    "the ratio towards 1.",
)

# %%
mend_clock = exercise("nothing_but", FILE)
mend_clock


# %%
def nothing_but(prepare, work, clock=perf_counter):
    # your code
    return time_everything(prepare, work, clock)


mend_clock.check(nothing_but)

# %% [markdown]
# ### All verdicts
#
# The same two functions, the same machine, the same minute:

# %%
from zcviz.lessons.listing import Bar, bars, listing

bent = {
    "sound": sound,
    "1 · under tracing": traced,
    "2 · first call, copying first": cold,
    "2 · first call, zero-copy first": cold_turned,
    "3 · a way that does less": less,
    "4 · one after another, disturbed": hit,
    "5 · everything on the clock": more,
}
title = per.capitalize()
bars([Bar(name, ratio) for name, ratio in bent.items()], "×", title=title)

# %% [markdown]
# No figure among these was made up, and only one of them answers the question.
#
# And here are your own functions, as they are now. Run this cell again whenever you have mended
# one. (`equals` is not among them: its verdict is to refuse.)

# %%
new_ways = ways_on(zcviz.open(FILE))
mine = {
    "sound": sound,
    "1 · apart": verdict({name: apart(way)[0] for name, way in ways.items()}),
    "2 · warm": verdict({name: warm(way) for name, way in new_ways.items()}),
    "4 · in_turns": verdict(in_turns(ways)),
    "5 · nothing_but": verdict({name: with_file(nothing_but, name) for name in ways}),
}
bars([Bar(name, ratio) for name, ratio in mine.items()], "×", title=title)

# %% [markdown]
# ## 7 · Mended
#
# You need not write a benchmark each time. `%%zccompare` takes two or more ways in one cell. It
# compares their values and times nothing if they differ; it warms up, measures in turns with the
# collector off the clock, and asks for memory in a run of its own.

# %%
# %%zccompare -o found
# --- copying
ways["copying"]()
# --- zero-copy
ways["zero-copy"]()

# %% [markdown]
# Your own benchmark from the workshop refuses as well, when values differ:

# %%
try:
    benchmark(quick)
except ValueError as refused:
    print(refused)

# %% [markdown]
# For whole pipelines there is `zcviz.compare`. It works by the same rules:

# %%
compared = zcviz.compare(feed, ("copying", "columnar"), messages=2_000, rounds=5)
compared

# %% [markdown]
# ## 8 · What to write beside a figure
#
# A figure without its circumstances cannot be checked, not even by yourself next year. This much
# should stand beside it:

# %%
fast, slow = sorted(found.rows, key=lambda row: row.seconds)
facts = {
    "what": "shares of the first orders added up, in Python, warm, from a file in memory",
    "ratio": f"{slow.name} takes {slow.seconds / fast.seconds:.2f} times as long as {fast.name}",
    "times": f"{slow.time_text} and {fast.time_text}, medians",
    "repeats": f"{found.rounds}, in turns; slowest over fastest at most "
    f"{max(row.spread for row in found.rows):.2f}",
    **found.host,
}
listing(["", "beside the figure"], facts.items(), title="What another person needs")

# %% [markdown]
# Why the ratio first? You have timed these two functions three times on this page:

# %%
from zcviz.lessons.spread import side_by_side

medians = {
    "4 · noise": {each.name: each.median for each in noise.samples},
    "6 · the workshop": {name: seconds * 1e6 for name, seconds in sound_times.items()},
    "7 · mended": {row.name: row.seconds * 1e6 for row in found.rows},
}
side_by_side(medians)

# %% [markdown]
# A machine that is slower for a while is slower for both, and in the ratio that goes out. What hits
# only one of them does not. Tomorrow, or on another machine, the times will be others altogether.
# The ratio is what a reader can hope to see again, and even that not everywhere.

# %% [markdown]
# ## What you saw
#
# - tracemalloc says what is held. What is freed at once, maps, C libraries and Arrow it does not
#   see. Exact counting sees what is freed at once; the others it does not see either.
# - Where something cannot be measured, “not measured” is the figure. Zero would be another one.
# - Tracing slows down what allocates, and leaves alone what does not.
# - The first call may cost many times what later ones do. Say which of them you mean.
# - Two hundred runs of the same function are two hundred figures. Give median and spread.
# - Two ways are compared in one run, in turns, after their answers were.
# - You broke a benchmark five times, and each time it went on giving figures with two decimals.
#
# ## Where to go next
#
# - **Your own two ways:** put them into the cell with `%%zccompare`.
# - **Your own file:** change the first line.
# - **`bench/` and the report:** the figures of this project are measured by the rules of this page,
#   each with its machine beside it.
# - **Before this page:** [Start here](00_start_here.ipynb) ·
#   [Two pipelines](01_two_pipelines.ipynb) ·
#   [Columns and indexes](02_columns_and_indexes.ipynb) ·
#   [Where copies hide](03_where_copies_hide.ipynb)
#
# ```python
# import zcviz
#
# with zcviz.allocations(exact=True) as seen:  # memory, in a run of its own
#     work()
# print(seen)
# ```
