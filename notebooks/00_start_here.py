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
from zcviz.lessons import beside, exercise, figure, figures, predict

feed = zcviz.open(FILE)
feed

# %% [markdown]
# The sample is a recording of network traffic: one invented trading day, in the format of NASDAQ's
# own feed, ITCH 5.0. Opening it copied nothing. Looking into it for the first time goes through
# the file once and notes where each message is.

# %%
figures(
    figure(len(feed), "messages", f"in {feed.name}"),
    figure(len(feed.counts()), "types", "of message"),
    figure(feed.source.size / len(feed), "B", "of file per message"),
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
# Both hold `BUY 100 `. The difference is *where*.

# %%
zcviz.memory_picture(
    copying=[("copy", copy)],
    zero_copy=[("view", view)],
    source=owner,
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
# This is the packet that brought the day's first order. Left: scapy, which many people know.
# Right: the same bytes as zcviz sees them, each field in a colour.

# %%
from scapy.layers.l2 import Ether

from zcviz.dissect import dissect

first = int((feed.index.tags == ord("A")).argmax())  # A: Add Order
packet = dissect(feed, first)
frame = bytes(packet.view[16:]) if feed.container == "pcap" else b""
familiar = Ether(frame).show(dump=True) if frame else "This file has no packets."

# %%
beside(familiar, zcviz.hexmap(packet), titles=["scapy", "zcviz"])

# %% [markdown]
# scapy stops at `Raw`: the messages inside are opaque to it. zcviz goes on, because it has the
# specification of every ITCH message as a table. Point at a byte to see its field.
#
# Reading a field takes that table and one address. Nothing else has to be decoded, and nothing has
# to be cut out:

# %%
message = next(view for view in feed.views() if view.message.tag == b"A")
message.stock, message.shares, message.price / 10_000

# %% [markdown]
# ## 3 · Two ways to read everything
#
# Now the whole file. The job is the same for all: count the messages, add up shares and money for
# each security.
#
# - **copying** ▨ does what most programs do: cut the packet out of the file, the datagram out of
#   the packet, the message out of the datagram, decode it into a record.
# - **columnar** ▬ notes where each message is, in an array of offsets. Then it fetches the few
#   fields that count, all values of one field at once.
# - **flyweight** stands between: views instead of copies, and one object that moves from message
#   to message.
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
    "How many messages does columnar handle in the time that copying handles one?",
    choices=[1, 3, 10, 30, 100],
)
speed_guess

# %%
result = zcviz.compare(feed)  # a few seconds: every stage is timed several times
result

# %%
copying, columnar = result.total("copying"), result.total("columnar")
bytes_guess.reveal(
    copying.copied,
    "Each cut copies what is left of the packet, and decoding copies the values once more. "
    f"The columnar pipeline copies {columnar.copied:.0f} bytes: only the fields it adds up.",
    kind="copying",
)

# %%
speed_guess.reveal(
    copying.ns / columnar.ns,
    "Flyweight copies nothing either, and is hardly faster than copying. What takes the time is "
    "not the bytes, it is making a Python object for each message. Columns make none.",
    kind="zero-copy",
)

# %%
result.plot()

# %% [markdown]
# **Where zero-copy ends.** The kernel read the file from disk into its page cache; that is one
# copy, and nobody avoids it. The map then shows us those very pages: no copy. The index holds
# offsets, not bytes of the feed: no copy. The columns *are* copies, of the fields that count, in
# the byte order of your processor; the row `gather` says how many bytes. Say "zero-copy" only with
# the boundary that you mean.

# %% [markdown]
# ## 4 · What `tracemalloc` sees
#
# Python can tell how much memory a piece of code holds on to. Let us keep ten thousand records,
# each an object that owns its values.

# %%
from itertools import islice

wire = int(feed.index.sizes[:10_000].sum())
memory_guess = predict(
    f"The first 10,000 messages take {wire:,} bytes in the file. "
    "How much memory do their records take?",
    unit="bytes",
)
memory_guess

# %%
with zcviz.allocations() as kept:
    records = list(islice(feed.records(), 10_000))

memory_guess.reveal(
    kept.net,
    "A record is a tuple, and each of its values is a Python object with a head of its own.",
    kind="copying",
)

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
    figure(dropped.net / len(records), "B", "held per record, when none is kept"),
)

# %% [markdown]
# Look at the last figure. That loop made ten thousand records too, and let go of each before the
# next. `tracemalloc` tells what is *held*, so copies that come and go leave nothing for it to see.
# That is why zcviz keeps a ledger of its own: every stage's output is compared with its input,
# address by address. The bytes in the table above come from there.

# %% [markdown]
# ## 5 · Watch it live
#
# Each pipeline runs over the file again and again, in a process of its own.
#
# 1. Press **Start**. Which curve is where you expected it?
# 2. Mind the scale: it is logarithmic, each line is ten times the one below.
# 3. Read the ratio in words, and wait until it stops moving.
# 4. Untick *flyweight* and *columnar*. Does copying get faster when it runs alone?
# 5. Press **Stop**.

# %%
chart = zcviz.live_chart(feed)
chart

# %% [markdown]
# ## 6 · When copying is the better choice
#
# A view costs nothing to make, and something to keep: as long as it lives, its owner stays.

# %%
start = feed.index.offsets[first]
small_view = feed.data[start : start + 36]
zcviz.provenance(small_view)

# %% [markdown]
# - **You keep a few messages for long.** Copy them; then the file can be closed.
# - **You read the same values again and again.** A column lies together in memory, in your
#   processor's byte order. Gathering it is one copy that pays for itself.
# - **The memory will change under you.** A receive buffer is filled again with the next packet.
#   What must not change has to be copied out first.
#
# Zero-copy is not a virtue. It is a choice about who owns the bytes.

# %% [markdown]
# ## What you saw
#
# - A slice of `bytes` is a copy, a slice of a `memoryview` is a view. Addresses tell which is
#   which.
# - A pipeline that cuts copies every byte several times; an index copies none.
# - The time goes into Python objects, one for each message, more than into the bytes.
# - `tracemalloc` sees what is held. Copies that come and go need a ledger.
# - A view keeps its owner. To keep little for long, copy.

# %% [markdown]
# ## Two exercises
#
# The check runs your function and looks at what it does to memory. There are hints.

# %%
look = exercise("message_at", FILE)
look


# %%
def message_at(feed, i):
    # your code
    return None


look.check(message_at)

# %%
keep_one = exercise("keep", FILE)
keep_one


# %%
def keep(feed, i):
    # your code
    return None


keep_one.check(keep)

# %% [markdown]
# ## Where to go next
#
# - [Two pipelines, step by step](01_two_pipelines.ipynb): one packet through every stage, with a
#   picture of all memory there is; and why views alone do not pay.
# - **Your own file:** put its path into the first cell and run all cells again. zcviz takes ITCH
#   5.0 as a BinaryFILE or in a pcap, packed with gzip or not. In a terminal, `zcviz info FILE`
#   tells what is in it, `zcviz compare FILE` compares the pipelines on it.
# - **In your own code**, ten lines are enough:
#
# ```python
# import zcviz
#
# with zcviz.open("day.pcap") as feed:
#     orders = feed.table("A", symbol="AAPL", start="09:30", end="10:00")
#     print(len(orders), "orders,", orders["shares"].sum(), "shares")
# ```
