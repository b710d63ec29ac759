# %% [markdown]
# # Start here: what does a copy cost?
#
# An exchange tells the world about every order it gets: millions of small messages. A program that
# reads them can copy each message to a place of its own, or look at it where it lies. On this page
# you will see, on your own machine, what that changes: in bytes, in memory, in time.
#
# - **You will do:** take one packet apart, predict what two ways of reading cost, measure both,
#   and watch them run side by side.
# - **You will learn:** what a copy is; what *zero-copy* means and where it ends; what
#   `tracemalloc` cannot see; when copying is the better choice.
# - **You need:** a little Python and ten minutes. No network, no knowledge of markets.
#
# Run the cells one after another with <kbd>Shift</kbd> <kbd>Enter</kbd>. Where you are asked for a
# prediction, make one before you go on. A wrong guess teaches more than a figure you only read.

# %%
FILE = "../data/feed.pcap"  # for a file of your own, change this line and nothing else

import zcviz
from zcviz.lessons import beside, exercise, figure, figures, lone_message, predict

feed = zcviz.open(FILE)
feed

# %% [markdown]
# The sample is one invented trading day, in the form in which it would be recorded from the
# network: the format is that of NASDAQ's own feed, ITCH 5.0. The file is not read into memory, it
# is *mapped*: its bytes appear at an address, and no copy is made.
#
# The first look into it goes through it once and notes where each message is. (The very first time
# on a machine that takes some seconds: the loop is compiled then.)

# %%
figures(
    figure(len(feed), "messages", f"in {feed.name}"),
    figure(len(feed.counts()), "types", "of message"),
    figure(feed.index.sizes.mean(), "B", "in a message, on average"),
)

# %% [markdown]
# ## 1 · What a copy is
#
# Here are twenty bytes of memory, and two ways to get at eight of them.

# %%
owner = b"AAPL BUY 100 @320.14"
copy = owner[5:13]
view = memoryview(owner)[5:13]

# %% [markdown]
# Both hold `BUY 100 `. The difference is *where*:

# %%
zcviz.memory_picture(
    copying=[("copy", copy)],
    zero_copy=[("view", view)],
    source=("owner", owner),
    segments=[(0, 5, "AAPL"), (5, 13, "BUY 100"), (13, 20, "@320.14")],
)

# %% [markdown]
# A slice of `bytes` takes new memory and puts the eight bytes into it once more; look at its
# address. A slice of a `memoryview` only remembers where they are, and lies inside its owner.
#
# Hatched and orange is memory that was copied into. Solid and blue is a view: a window, with no
# memory of its own. It stays like that in every picture of these lessons.

# %% [markdown]
# ## 2 · One packet, taken apart
#
# This packet brought a single order. First as scapy shows it, which you may know; then as zcviz
# does, each field in a colour.

# %%
from scapy.layers.inet import Ether

order = lone_message(feed, "A")  # A: Add Order
packet = zcviz.dissect(feed, order)

# %%
if packet.frame is not None:
    familiar = Ether(bytes(packet.frame)).show(dump=True)
else:
    familiar = "This file has no packets, so scapy has nothing to show."

ours = zcviz.hexmap(packet.view, packet.layers)
beside(familiar, ours, titles=["scapy", "zcviz"], shares=[1, 9])

# %% [markdown]
# scapy stops at `Raw`: what is inside is opaque to it. zcviz goes on, because it has the
# specification of every ITCH message as a table. Point at a byte, or at a line of the table, to
# find the one that belongs to it.
#
# To read the price you need that table and one address. Nothing else has to be decoded, and
# nothing has to be cut out. A *flyweight* works like that: an object that is aimed at a message.

# %%
from zcviz.codec import view_of

add_order = view_of(feed.protocol["A"])()
add_order.wrap(feed.data, feed.index.offsets[order])
add_order.stock, add_order.shares, add_order.price / 10_000

# %% [markdown]
# ## 3 · Two ways to read everything
#
# Now the whole file. The job: count the messages; add up shares and money for each security.
#
# - **copying** ▨ does what most programs do. It cuts the packet out of the file, the datagram out
#   of the packet, the message out of the datagram, and decodes it into a record.
# - **columnar** ▬ notes where each message is, in an array of offsets. Then it fetches the few
#   fields that count, all values of one field at once.
# - **flyweight** is in between: views instead of cuts, and one object that moves from message to
#   message.
#
# What do you expect?

# %%
bytes_guess = predict(
    f"A message is {feed.index.sizes.mean():.0f} bytes long on average. "
    "How many bytes does the copying pipeline copy for each?",
    unit="bytes",
)
bytes_guess

# %%
speed_guess = predict(
    "How many times as many messages does columnar handle in the same time?",
    choices=[1, 3, 10, 30, 100],
    unit="×",
)
speed_guess

# %% [markdown]
# Now measure. Give it some seconds: every stage is timed several times, and no time counts before
# all three pipelines have given the same result.

# %%
result = zcviz.compare(feed)
copying, flyweight, columnar = map(result.total, ["copying", "flyweight", "columnar"])

bytes_guess.reveal(
    copying.copied,
    "Each cut copies what is left of the packet, and decoding copies the values once more. "
    f"Columnar copies {columnar.copied:.0f} bytes: only the fields that it adds up.",
    kind="copying",
)

# %%
speed_guess.reveal(
    copying.ns / columnar.ns,
    f"Flyweight copies {flyweight.copied:.0f} bytes and takes {flyweight.ns / copying.ns:.0%} of "
    f"copying's time; columnar takes {columnar.ns / copying.ns:.0%}. So it is not the bytes alone. "
    "Flyweight still runs Python for every message. Columnar leaves the loop over messages to "
    f"kernels, here {result.host['kernels']}.",
    kind="zero-copy",
)

# %%
result.plot()

# %% [markdown]
# And stage by stage. **Copied** is fresh memory that holds bytes of the feed; **viewed** are bytes
# that were looked at where they lie; **derived** is other fresh memory, such as offsets and sums.

# %%
result

# %% [markdown]
# **Where zero-copy ends.** The kernel read the file from the disk into its page cache; that is one
# copy, and nobody here avoids it. The map shows us those very pages: no copy. The index notes where
# each message is, and of what type: no message is copied. What a flyweight reads becomes a Python
# number for a moment; the table counts what a stage hands on. The columns *are* copies, of the
# fields that count, in the byte order of your processor; the line `gather` says how many bytes. So
# say "zero-copy" only together with the boundary that you mean.

# %% [markdown]
# ## 4 · What `tracemalloc` sees
#
# Python can tell how much memory a piece of code holds. Let us keep ten thousand records, each of
# them an object that owns its values.

# %%
from itertools import islice

wire = feed.index.sizes[:10_000].sum()
memory_guess = predict(
    f"In the file, the first 10,000 messages take {wire:,} bytes. "
    "How many bytes of memory do their records take?",
    unit="bytes",
)
memory_guess

# %%
with zcviz.allocations() as kept:
    records = list(islice(feed.records(), 10_000))

memory_guess.reveal(
    kept.net,
    "A record is a tuple, and most of its values are Python objects, each with a head of its own.",
    kind="copying",
)

# %% [markdown]
# For comparison: the index of the whole file, and a loop that makes the same records but keeps
# none.

# %%
with zcviz.allocations() as indexed:
    again = zcviz.open(FILE)
    again.index

with zcviz.allocations() as dropped:
    for _ in islice(feed.records(), 10_000):
        pass

figures(
    figure(kept.net / len(records), "B", "held per record", kind="copying"),
    figure(indexed.net / len(again), "B", "held per message in the index", kind="zero-copy"),
    figure(dropped.net / len(records), "B", "held per record, none kept"),
)

# %% [markdown]
# Mind the last figure. That loop made all those records too, and let go of each before the next.
# `tracemalloc` tells what is *held*: copies that come and go leave nothing to see. (Nor does it
# see the map, whose pages are the kernel's.)
#
# That is why zcviz keeps a ledger. It compares the output of every stage with its input, address
# by address; the bytes in the table above come from there.

# %% [markdown]
# ## 5 · Watch it live
#
# Each pipeline runs over the file again and again, in a process of its own.
#
# 1. Press **Start**. Is each curve where you expected it?
# 2. Mind the scale: it is logarithmic, so equal distances are equal ratios.
# 3. Read what it says beside the chart, until the ratio has settled.
# 4. Untick *columnar*. Does copying get faster without it?
# 5. Press **Stop**.

# %%
chart = zcviz.live_chart(feed)
chart

# %% [markdown]
# ## 6 · When copying is the better choice
#
# A view costs next to nothing to make. But it keeps its owner: all of it, for as long as the view
# lives. Here is a view of our one order.

# %%
start = feed.index.offsets[order]
one_order = feed.data[start : start + feed.index.sizes[order]]
zcviz.provenance(one_order)

# %% [markdown]
# Copy when
#
# - **you keep little, for long.** A copy of one message lets the file go.
# - **you read the same values again and again.** A column lies together in memory, in your
#   processor's byte order. Gathering it is one copy, made once.
# - **the memory is about to change.** A network program fills the same buffer with the next
#   packet. What must stay has to be copied out before.
#
# Zero-copy is no virtue in itself. It is a decision about who owns the bytes.

# %% [markdown]
# ## What you saw
#
# - A slice of `bytes` is a copy, a slice of a `memoryview` is a view. Addresses tell which is
#   which.
# - A pipeline that cuts copies the same bytes several times. An index of offsets copies none.
# - Not copying is not enough: the time is won by not running Python for every message.
# - `tracemalloc` sees what is held. For copies that come and go you need a ledger.
# - A view keeps its owner. To keep little, for long: copy.

# %% [markdown]
# ## Two exercises
#
# The check runs your function and looks at what it does to memory. Each has three hints.

# %%
look = exercise("message_at", FILE)
look


# %%
def message_at(feed, i):
    # your code
    return None


look.check(message_at)

# %%
keeping = exercise("keep", FILE)
keeping


# %%
def keep(feed, i):
    # your code
    return None


keeping.check(keep)

# %% [markdown]
# ## Where to go next
#
# - **[Two pipelines, step by step](01_two_pipelines.ipynb)**: one packet on its way, with a
#   picture of all memory there is after each stage; and why views alone do not pay.
# - **Your own file**: put its path into the first cell, then choose *Run All Cells* from the *Run*
#   menu. zcviz reads ITCH 5.0 as a BinaryFILE or in a pcap, either of them packed with gzip or
#   not. In a terminal, `zcviz info FILE` tells what is in it and `zcviz compare FILE` compares the
#   pipelines on it.
# - **Your own code**: a few lines are enough to begin with.
#
# ```python
# import zcviz
#
# with zcviz.open("day.pcap") as feed:
#     orders = feed.table("A", symbol="AAPL", start="09:30", end="10:00")
#     print(len(orders), "orders for", orders["shares"].sum(), "shares")
# ```
