# %% [markdown]
# # Start here: what does a copy cost?
#
# An exchange sends out every order it receives, millions of small messages a minute. A program that
# reads them can copy each message out of the file, or look at it where it lies. You are going to
# see, on your own machine, what the difference is: in bytes, in memory and in time.
#
# | | |
# |---|---|
# | **You will do** | take one packet apart, predict what two ways of reading cost, measure it, watch both run live |
# | **You will learn** | what a copy is, what *zero-copy* means and where it ends, what `tracemalloc` does not see, when copying is right |
# | **You need** | a little Python, and ten minutes. No network, no market knowledge |
#
# Run the cells one after another with <kbd>Shift</kbd> + <kbd>Enter</kbd>. Where a question is
# asked, answer it before you go on: a wrong guess teaches more than a figure you only read.

# %%
FILE = "../data/feed.pcap"  # your own file? Change this line, nothing else

import zcviz
from zcviz.lessons import beside, callout, exercise, figure, figures, predict

feed = zcviz.open(FILE)
feed

# %% [markdown]
# The file is a recording of network traffic: one made-up trading day in the format of NASDAQ's
# feed, ITCH 5.0. Opening it copied nothing. The next line goes through it once and notes where
# each message is.

# %%
figures(
    figure(len(feed), "messages", f"in {feed.name}"),
    figure(feed.source.size, "B", "mapped into memory"),
    figure(len(feed.counts()), "types", "of message"),
)

# %% [markdown]
# ## 1 · What a copy is
#
# Twenty bytes of memory, and two ways to get at eight of them.

# %%
owner = b"....BUY 100 AAPL...."
copy = owner[4:12]
view = memoryview(owner)[4:12]

# %% [markdown]
# Both give you `BUY 100 `. But a slice of `bytes` takes new memory and puts the eight bytes into it
# again; a slice of a `memoryview` only remembers where they are. The addresses prove it:

# %%
zcviz.memory_picture(
    copying=[("owner", owner), ("copy", copy)],
    zero_copy=[("owner", owner), ("view", view)],
)

# %% [markdown]
# A strip is memory that somebody owns. Hatched and orange means *copied*. A view has no strip: it is
# a window on somebody else's. These words and colours stay the same in all lessons.

# %% [markdown]
# ## 2 · One packet, taken apart
#
# Here is the packet that brought the day's first order. On the left, scapy, which you may know; on
# the right, the same bytes as zcviz sees them.

# %%
from scapy.layers.l2 import Ether
from zcviz.dissect import dissect

first = int((feed.index.tags == ord("A")).argmax())  # A is an Add Order
packet = dissect(feed, first)
frame = bytes(packet.view[16:]) if feed.container == "pcap" else b""

# %%
beside(
    Ether(frame).show(dump=True) if frame else "no packets in this file: nothing for scapy",
    zcviz.hexmap(packet),
    titles=["scapy", "zcviz"],
)
