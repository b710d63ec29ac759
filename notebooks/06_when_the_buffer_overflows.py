# %% [markdown]
# # When the buffer overflows
#
# Packets come when they come. Your program reads when it gets round to it. What comes in between
# has to wait, in a buffer that the kernel keeps for each socket. When that is full, the next packet
# is thrown away. There is no error and no exception: it never was there.
#
# - **You will do:** reckon what has room, before real packets show it; overflow a buffer dozens of
#   times; find out who tells you the truth about it.
# - **You will learn:** what a packet takes of a buffer; why a larger one does not help a program
#   that is too slow; what does; how to size it; what to give up if something has to be given up.
# - **You need:** the ideas of [Start here](00_start_here.ipynb) (copy, view), and about thirty
#   minutes.
#
# Make each prediction before you run the next cell. All packets are real, and none leaves your
# machine. On systems that do not tell what a socket dropped (all but Linux), some cells say “not
# measured here”.

# %%
FILE = "../data/feed.pcap"  # for an ITCH file of your own, change this line and nothing else

import zcviz
from zcviz import receive
from zcviz.lessons import exercise, figure, figures, predict
from zcviz.lessons.listing import listing
from zcviz.lessons.material import needs

feed = zcviz.open(FILE)
needs(feed, "A")  # Add Orders: section 7 asks when they came
feed

# %% [markdown]
# ## 1 · What you ask for, and what is granted
#
# Whoever opens a socket may ask for a buffer of some size (the option is called `SO_RCVBUF`), and
# may read how large it has become.

# %%
grant_guess = predict(
    "You ask for a buffer of 65,536 bytes. How many are granted?",
    unit="bytes",
)
grant_guess


# %%
def granted(asked):
    try:
        with receive.open("udp.recv_into", buffer=asked) as receiver:
            return receiver.granted
    except OSError as error:
        return error.strerror


grant_guess.reveal(
    granted(65_536),
    "Linux doubles the figure: it expects that its own notes about each packet take as much room "
    "as the packets. Other systems grant what was asked for.",
)

# %% [markdown]
# One may ask for more than that:

# %%
much_guess = predict(
    "You ask for a buffer of 1 GiB. What happens?",
    choices=["it is granted", "an error", "less, in silence"],
)
much_guess

# %%
wishes = {"nothing": None, "64 KiB": 1 << 16, "1 MiB": 1 << 20, "1 GiB": 1 << 30}
grants = {name: granted(asked) for name, asked in wishes.items()}
happened = "an error" if isinstance(grants["1 GiB"], str) else "it is granted"
if happened == "it is granted" and grants["1 GiB"] < 1 << 30:
    happened = "less, in silence"
much_guess.reveal(happened, "So look at what was granted, every time. It is one more call.")

# %%
limit = max(each for each in grants.values() if isinstance(each, int))
listing(
    ["asked for", "granted [bytes]"],
    grants.items(),
    title="Receive buffers on this machine",
    sentence=f"More than {limit:,} bytes are not to be had. On Linux the limit is "
    "`net.core.rmem_max`, doubled; root may raise it: `sysctl -w net.core.rmem_max=…`.",
)

# %% [markdown]
# ## 2 · What a datagram takes
#
# A datagram is what the sender hands over in one call, and what you read in one call. How much of
# the buffer does it take?

# %%
charge_guess = predict(
    "A datagram has 100 bytes of payload. How many bytes of the buffer does it take?",
    unit="bytes",
)
charge_guess

# %% [markdown]
# `Loopback` opens a receiver and a sender on this machine. It sends a datagram and asks the
# kernel how much of the buffer is used up.

# %%
from zcviz.lessons.loopback import Loopback

with Loopback(payload=100) as line:
    takes = line.charge  # None: this system does not say
charge_guess.reveal(
    takes or "not measured here",
    "The kernel counts the memory that it had to take: the packet with its headers, rounded up, "
    "and a structure that describes it. It is called `truesize`.",
)

# %%
sizes = []
for payload in (22, 100, 250, 500, 1_000, 1_400):
    with Loopback(payload=payload) as line:
        sizes.append((payload, line.charge or "not measured here", line.levels("").capacity or "–"))
listing(
    ["payload [bytes]", "taken [bytes]", f"have room in {line.granted:,}"],
    sizes,
    title="What a datagram takes",
    sentence="It grows in steps: memory for packets comes in a few sizes.",
)

# %% [markdown]
# ## 3 · Fill it, then drain it
#
# Now we can reckon. The bytes granted, divided by the bytes that a datagram takes:

# %%
with Loopback(buffer=65_536) as line:
    print(line)
room_guess = predict(
    "1,000 datagrams of 100 bytes are sent to this buffer, and nobody reads. Then all that is "
    "there is read. How many datagrams is that?",
    unit="datagrams",
)
room_guess

# %%
with Loopback(buffer=65_536) as line:
    line.send(1_000)  # nobody reads
    numbers = line.take()  # and now all that is there; each carries its number, from 1
held = len(numbers)
room_guess.reveal(
    held,
    f"{line.granted:,} // {line.charge:,} = {line.granted // line.charge:,}. Run it again: the "
    "clock has no part in it. (Some kernels let in one more.)"
    if line.charge
    else "What each of them takes is not measured here.",
)

# %%
from zcviz.lessons.tank import Filled

Filled(line.granted, line.charge, line.payload, line.sent, held)

# %% [markdown]
# All thousand calls of `send` succeeded. All reads did. Nothing was raised. Which ones are gone?

# %%
which_guess = predict(
    "Which datagrams are there to be read?",
    choices=["the first ones", "the last ones", "some of each"],
)
which_guess

# %%
together = numbers[-1] - numbers[0] + 1 == held
which_guess.reveal(
    "some of each" if not together else "the first ones" if numbers[0] == 1 else "the last ones",
    f"Numbers {numbers[0]:,} to {numbers[-1]:,} are there. Whoever waits is safe, and who comes "
    "finds it full. What is lost is the **newest**.",
)

# %% [markdown]
# ## 4 · Which counter tells the truth?
#
# There are several places to ask how much was lost:
#
# - `SO_MEMINFO`: ask the socket.
# - `/proc/net/udp`: a file with a line for each socket. Its last column says it.
# - `SO_RXQ_OVFL`: the kernel writes it on each datagram that you read.
# - **Sequence numbers**: feeds count their messages (MoldUDP64 does), so you see gaps yourself.

# %%
counter_guess = predict(
    "A burst overflows the buffer; then all that waits is read. Which of these know by now how "
    "many were lost?",
    choices=["all four", "the first two", "the last two"],
)
counter_guess

# %%
from zcviz.lessons.drop_counters import asked, witnessed

with Loopback(buffer=32_768, path="udp.recvmsg") as line:
    line.send(500)
    moments = {"after the burst": asked(line, [])}
    numbers = line.take()
    moments["all read"] = asked(line, numbers)
    line.send(1)
    numbers += line.take()
    moments["one more came"] = asked(line, numbers)
lost = 501 - len(numbers)
witnessed(moments, lost)

# %%
said = moments["all read"]
knew = [name for name in said if said[name] == lost]
unknown = said["SO_MEMINFO"] is None
counter_guess.reveal(
    "not measured here" if unknown else "the first two" if len(knew) == 2 else ", ".join(knew),
    "`SO_RXQ_OVFL` was written when a datagram was put into the queue, and the last one that got "
    "in came before the loss. A gap shows when something comes behind it.",
)

# %% [markdown]
# So at the end of a burst you are blind for a while: **what is lost at the end leaves no gap.**
# That is why feeds send *heartbeats* when they have nothing to say. They carry the next number.
#
# And none of it shows at the network card: it delivered everything.

# %% [markdown]
# ## 5 · In step
#
# So far nobody read. Now somebody does, but too slowly. We leave the clock out of it: in each
# **tick**, 20 datagrams are sent, and then 15 are read.


# %%
def in_step(name, sends, read, buffer=32_768):
    with Loopback(buffer) as line:
        for number in sends:
            line.tick(send=number, read=read)
        return line.levels(name)


# %%
with Loopback(buffer=32_768) as line:
    line.send(500)
    room = len(line.take())
first_guess = predict(
    f"{room} datagrams have room. Each tick brings 20 and takes 15. How many ticks does it take "
    "until one is dropped for the first time?",
    unit="ticks",
)
first_guess

# %%
steps = in_step("20 come, 15 are read", [20] * 60, 15)
reckoned = (room - 20) // (20 - 15) + 2  # 20 in the first tick, 5 more in each that follows
first_guess.reveal(
    steps.first_loss or "not measured here",
    f"By the arithmetic of the queue it is tick {reckoned}: five more wait each time. The picture "
    "shows what else is in the tank.",
)

# %%
from zcviz.lessons.tank import tanks

tanks(steps)

# %% [markdown]
# What you have read is not free at once. Linux gives room back in lots (of up to a quarter of
# the buffer), unless you read until nothing is left. Until then it counts against you. So reckon
# with **three quarters** of a buffer, or empty it each time.
#
# No clock was involved, so it should happen again just like that:

# %%
again = in_step("once more", [20] * 60, 15)
same = again.ticks == steps.ticks
figures(
    figure(len(steps.ticks), "ticks", "of each run"),
    figure(sum(a == b for a, b in zip(steps.ticks, again.ticks, strict=True)), "", "are the same"),
    sentence="In step, the same happens twice."
    if same
    else "Not quite: while a program looks at packets by XDP, each takes a larger piece of memory.",
)

# %% [markdown]
# ### A larger buffer
#
# The first thing everybody tries. Here are 200 ticks, again 20 come and 15 are read:

# %%
small = in_step("small", [20] * 200, 15)
larger_guess = predict(
    f"{small.sent - small.read - room:,} or so are lost with a buffer for {room}. How many are "
    "lost with one that is four times as large?",
    unit="datagrams",
)
larger_guess

# %%
twice = in_step("twice as large", [20] * 200, 15, buffer=2 * 32_768)
large = in_step("four times as large", [20] * 200, 15, buffer=4 * 32_768)
fulls = (small, large)
since = {each.name: 201 - each.first_loss for each in fulls if each.first_loss}
rates = [f"{each.name} {each.dropped / since[each.name]:.1f}" for each in fulls if since]
larger_guess.reveal(
    "not measured here" if large.dropped is None else large.dropped,
    "It takes longer until it is full. From then on it loses as many in each tick as the small "
    f"one. Counted: {', '.join(rates) or 'not measured here'}.",
)

# %%
tanks(small, twice, large)

# %% [markdown]
# **A buffer bridges a time. It does not help who is too slow.** If more comes than is read, any
# buffer is full one day; and what waits in a large one is older when you get it.

# %% [markdown]
# ## 6 · By the clock
#
# Now without steps: a sender that sends 1,000 datagrams a second, and a consumer that takes some
# time for each. A third of a second for each delay, two
# buffers.

# %%
RATE, DELAYS = 1_000, (200, 500, 800, 1_500, 2_500)  # datagrams a second; µs
delay_guess = predict(
    "From which delay on do you expect losses with the small buffer?", choices=DELAYS, unit="µs"
)
delay_guess

# %%
from zcviz.lessons.rate_and_delay import loss_by_delay, offer

buffers = {"a small buffer": 8_192, "a larger one": 65_536}
by_clock = {
    name: [offer(RATE, delay / 1e6, seconds=0.3, buffer=size) for delay in DELAYS]
    for name, size in buffers.items()
}
loss_by_delay(by_clock)

# %%
losing = [each for each in by_clock["a small buffer"] if each.lost]
delay_guess.reveal(
    losing[0].delay * 1e6 if losing else "none",
    (losing[0].sentence if losing else "Nothing was lost.")
    + " (A sleep takes longer than it is asked to. What is shown is what it really took.)",
)

# %% [markdown]
# If something was lost although the consumer keeps up, then your machine did something else for a
# while. That is what a buffer is for.
#
# The larger buffer seems to help. Let it run four times as long (`seconds=1.2`), and look again.

# %% [markdown]
# ## 7 · Burst against average
#
# Back in step. This time the consumer is fast enough: it can read 12 in each tick, and 10 come **on
# average**. They come one way or another:

# %%
patterns = {
    "10 in each tick": [10] * 60,
    "60 in every sixth": [60, 0, 0, 0, 0, 0] * 10,
    "200 in every twentieth": [200, *[0] * 19] * 3,
}
burst_guess = predict(
    f"{room} datagrams have room. Which of them lose any?",
    choices=["none", "the last", "the last two", "all"],
)
burst_guess

# %%
bursts = [in_step(name, sends, 12) for name, sends in patterns.items()]
losing = [bool(each.sent > each.read) for each in bursts]
burst_guess.reveal(
    {0: "none", 1: "the last", 2: "the last two", 3: "all"}[sum(losing)],
    "Each sends 600 in 60 ticks. An average says nothing about a buffer. What counts is how many "
    "come before you read.",
)

# %%
tanks(*bursts)

# %% [markdown]
# And a market? Here are the orders of your file. A tick is as long as it takes 10 of them to come,
# on average.

# %%
import numpy as np

times = np.sort(feed.table("A")["timestamp"])[:20_000]
counts, edges = np.histogram(times, bins=max(len(times) // 10, 2))
market_guess = predict(
    f"10 orders in a tick on average, {len(counts):,} ticks. How many are in the busiest tick?",
    unit="orders",
)
market_guess

# %%
busiest = int(counts.argmax())
market_guess.reveal(
    int(counts.max()),
    f"In tick {busiest + 1:,} of {len(counts):,}. In {(counts == 0).mean():.0%} of the ticks there "
    "is not one.",
)

# %%
stretch = counts[max(0, busiest - 30) :][:60].tolist()
market = [
    in_step("buffer of 64 KiB", stretch, 12),
    in_step("buffer of 512 KiB", stretch, 12, buffer=8 * 32_768),
]
tanks(*market)

# %% [markdown]
# These are the 60 ticks around the busiest one. The consumer is the same in both, and it is fast
# enough for the average of the day. A short burst has room in a buffer. One that goes on is nothing
# else than being too slow.

# %% [markdown]
# ## 8 · How large?
#
# What is the longest time in which you do not read? The garbage collector runs, a disk is slow,
# another program has the processor. All that comes in this time has to have room:
#
# > **buffer = rate × pause × what a datagram takes**

# %%
size_guess = predict(
    "20,000 datagrams of 100 bytes come a second, and you pause for 10 ms. How many bytes does the "
    "buffer need, as the kernel counts?",
    unit="bytes",
)
size_guess

# %%
each = takes or 832  # where it is not measured: what Linux takes for 100 bytes
with Loopback(buffer=128 << 10) as line:
    line.send(200)  # what comes in 10 ms
    charged = line.receiver.queued  # for all that waits
size_guess.reveal(
    charged or "not measured here",
    f"200 datagrams, of {each} bytes each. On Linux half of that is what to ask for, since it is "
    "doubled.",
)

# %% [markdown]
# A pause is nothing but datagrams that come and are not read. Here is a buffer, and pauses around
# what it can bridge:

# %%
bridged = held / 20_000  # seconds
rows = []
for pause in (bridged / 2, bridged - 0.0001, bridged, bridged + 0.0001, bridged * 2):
    with Loopback(buffer=65_536) as line:
        line.send(round(20_000 * pause))  # nobody reads
        rows.append((f"{pause * 1e3:.2f} ms", line.sent, line.sent - len(line.take())))
listing(
    ["pause", "come", "lost"],
    rows,
    title=f"20,000 a second, {held} have room: {bridged * 1e3:.2f} ms",
)

# %% [markdown]
# What to ask for, then:

# %%
from zcviz.lessons.show import number_text

pauses = {"1 ms": 0.001, "10 ms": 0.01, "100 ms": 0.1}
table = [
    [f"{rate:,}", *(number_text(rate * pause * each / 2048) for pause in pauses.values())]
    for rate in (1_000, 10_000, 100_000, 1_000_000)
]
listing(
    ["datagrams a second", *(f"{name} [KiB]" for name in pauses)],
    table,
    title="To ask for, on Linux: rate × pause × taken / 2",
    sentence=f"This machine grants {limit:,} bytes at most, so no more than {limit / 2048:,.0f} "
    f"KiB can be asked for. That bridges {limit / each / 1e5 * 1e3:,.0f} ms at 100,000 a second.",
)

# %% [markdown]
# ## 9 · When copying is the better choice
#
# Most of these lessons warn you of copies. Here is a place for one. As long as a datagram
# waits in the buffer, it takes this much of it:

# %%
keep_guess = predict(
    f"A datagram of 100 bytes takes {each} bytes of the buffer. Copied out, as a bytes object in a "
    "list, how many bytes does it take?",
    unit="bytes",
)
keep_guess

# %%
with Loopback(buffer=65_536) as line:
    line.send(150)
    with zcviz.allocations() as seen:
        kept = line.take(keep=bytes)  # a copy of each
copy_size = round(seen.net / len(kept))
keep_guess.reveal(
    copy_size,
    "Payload, object header, a place in the list, and a small share of what the receiver keeps. "
    "And it is your memory: as large as you let it grow, and no `rmem_max`.",
    kind="copying",
)

# %% [markdown]
# Suppose the work takes its time: 12 in a tick, as before. A burst comes over five ticks, 40 in
# each. Do the work first, or empty the buffer first?

# %%
from collections import deque

sends = [*[40] * 5, *[0] * 15] * 3
worked_off = in_step("read, then work", sends, 12)
own, longest = deque(), 0
with Loopback(buffer=32_768) as line:
    for number in sends:
        own.extend(line.tick(send=number, read=None, keep=bytes))  # all of it, at once
        longest = max(longest, len(own))
        for _ in range(min(12, len(own))):
            own.popleft()  # the work
    drained = line.levels("copy out, then work")

# %%
tanks(worked_off, drained)

# %%
figures(
    figure(worked_off.sent - worked_off.read, "", "lost by who works first"),
    figure(drained.sent - drained.read, "", "lost by who copies first"),
    figure(longest, "", "waited in memory of its own, at most"),
    figure(longest * copy_size, "B", "copied for them", kind="copying"),
)

# %% [markdown]
# In a real program a thread or a process of its own empties the buffer. The rule is older than
# computers: first take the letters out of the box, then read them.
#
# It is a larger buffer in another place, and so the old sentence holds: it bridges a time. If the
# work is too slow for ever, this queue grows for ever. Then something has to be given up.

# %% [markdown]
# ## 10 · What to give up
#
# The kernel gives up the newest, as you saw. That is simple, and nearly always wrong: the newest is
# what you want to know.
#
# | give up | how | it fits |
# |---|---|---|
# | the newest | do nothing: the kernel does it | – |
# | the oldest | `deque(maxlen=…)` | a display, a sample |
# | what is overtaken | one place a security (*conflation*) | prices: each replaces the last |
# | nothing: get it again | other feed, request, snapshot | orders: each changes what was before |
#
# ITCH is of the last kind. An *Order Executed* says the number of an order and how many shares, not
# of what security, nor at what price. If the order was lost, it means nothing. So nothing may be
# given up, and what is lost has to come from somewhere else.
#
# Exchanges send everything twice, as feeds A and B. Does that help?

# %%
side_guess = predict(
    "Your program reads both feeds, and pauses. 300 datagrams come on each meanwhile. Of those "
    "that A lost, how many are there from B?",
    unit="datagrams",
)
side_guess

# %%
with Loopback(buffer=32_768) as a, Loopback(buffer=32_768) as b:
    for side in (a, b):
        side.send(300)  # nobody reads
    from_a, from_b = set(a.take()), set(b.take())
missed = set(range(1, 301)) - from_a
side_guess.reveal(
    len(missed & from_b),
    "Two buffers of the same size, filled at the same time, lose the same. A and B help against "
    "what is lost on the way, not against your own pause.",
)

# %% [markdown]
# Unless B has a reader that does not pause when that of A does:

# %%
with Loopback(buffer=32_768) as b:
    awake = {number for _ in range(15) for number in b.tick(send=20, read=None)}
figures(
    figure(len(missed), "", "A lost"),
    figure(len(missed & from_b), "", "of these from B, with the same reader"),
    figure(len(missed & awake), "", "of these from B, with a reader of its own"),
)

# %% [markdown]
# If both have lost it, there is a slower way. MoldUDP64 has a server that sends numbers again on
# request, as long as there are not too many. After that, only a *snapshot* helps: the state as it
# is now, and the messages from there on. Until it is there, say that you do not know. A book with a
# gap in it looks like a book.

# %% [markdown]
# ## 11 · What to do
#
# | you see | it is | do |
# |---|---|---|
# | drops, now and then | a burst or a pause | a larger buffer: rate × pause × taken |
# | drops, steadily | too slow | less work a message, more readers; no buffer |
# | granted less than asked | `rmem_max` | have it raised |
# | no drops, and gaps | lost before your socket | the other feed |
# | drops on both feeds | your own pause | a reader of its own for each |
# | nothing | perhaps nothing | ask `SO_MEMINFO`; wait for a heartbeat |

# %% [markdown]
# ## What you saw
#
# - A buffer is granted doubled, and cut to the limit without a word.
# - A datagram takes much more of it than its payload. Room, divided by that, is how many wait.
# - Who comes when it is full is dropped: the newest. Nothing is raised.
# - `SO_MEMINFO` knows at once. Gaps and `SO_RXQ_OVFL` know when one more comes.
# - What was read counts for a while. Who empties the buffer each time has all of it.
# - If more comes than is read, a larger buffer delays the loss, and what you get is older.
# - Averages size no buffer. Bursts and pauses do.
# - A quick copy into your own memory frees the buffer. It is the cheaper place to wait.

# %% [markdown]
# ## Three exercises
#
# The check runs your function against real sockets. There are hints.

# %%
capacity_task = exercise("capacity", FILE)
capacity_task


# %%
def capacity(granted, charge):
    # your code
    return None


capacity_task.check(capacity)

# %%
size_task = exercise("buffer_for", FILE)
size_task


# %%
def buffer_for(rate, pause, charge):
    # your code
    return None


size_task.check(buffer_for)

# %%
drain_task = exercise("drain", FILE)
drain_task


# %%
def drain(receiver):
    # your code
    return None


drain_task.check(drain)

# %% [markdown]
# ## Where to go next
#
# - **Another rhythm:** in section 5, read 19 instead of 15. How long does the buffer last?
# - **Another rate:** change `RATE` and `DELAYS` in section 6.
# - **Another market:** a file of your own, in the first line.
# - **Before this page**: [Start here](00_start_here.ipynb) ·
#   [Measuring honestly](04_measuring_honestly.ipynb)
#
# ```python
# from zcviz import receive
#
# with receive.open("udp.recv_into", port=26400, buffer=4 << 20) as receiver:
#     print(receiver.granted, receiver.clamped)
#     for batch in receiver.batches(timeout=1.0):
#         work_on(batch)  # views: copy what has to stay
#     print(receiver.counters)
# ```
