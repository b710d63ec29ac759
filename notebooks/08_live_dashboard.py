# %% [markdown]
# # Live dashboard
#
# A sender and one or two receivers, each in a process of its own, on your machine: turn a control,
# and see at once where packets wait, where they are lost, and what each one costs.
#
# - **You will do:** overload a receiver and bring it back; set two receive paths side by side on
#   the same packets; save what you saw.
# - **You will learn:** to read four figures together: what is offered, what is decoded, where the
#   rest went, and whether the path or the machine made the tail.
# - **You need:** lessons [05](05_from_nic_to_memory.ipynb) to
#   [07](07_latency_is_not_throughput.ipynb) explain what you will see here.
#
# The packets are real and stay on this machine. A path that your system does not permit is struck
# through, with the reason and what would help.

# %%
FILE = "../data/feed.pcap"  # for an ITCH file of your own, change this line and nothing else

import zcviz
from zcviz.lessons import predict

feed = zcviz.open(FILE)

# %% [markdown]
# ## 1 · Two paths, the same packets
#
# `recv` gives you a new object for each packet, `recv_into` fills memory that you own. Make the
# prediction, then press **Start**.

# %%
keeps_guess = predict(
    "Both get 2,000 datagrams a second. Which loses some?",
    choices=["recv", "recv_into", "both", "neither"],
)
keeps_guess

# %%
panel = zcviz.dashboard(feed, paths=("udp.recv", "udp.recv_into"), rate=2000)
panel

# %% [markdown]
# Let it run for a few seconds, then press **Stop** and run the next cell: it reads the answer from
# the run.

# %%
seen = panel.run.sample()
lost = {
    name: path.total_dropped + path.total_lost
    for name, path in zip(("recv", "recv_into"), seen.paths, strict=False)
}
losers = [name for name, count in lost.items() if count > 0]
keeps_guess.reveal(
    "both" if len(losers) > 1 else losers[0] if losers else "neither",
    "Two thousand a second leave half a millisecond for each. What is lost at such a rate is lost "
    "to pauses, not to the cost of a packet: look at the machine's stalls, below the latencies.",
)

# %% [markdown]
# ## 2 · Four things to try
#
# 1. **Push the offered rate** to the right until the buffer fills. What gives way first: what is
#    decoded, or the latency?
# 2. Set a **consumer delay** of 1,000 µs. The rate that can be kept up is now arithmetic: one
#    second divided by the delay. Find the edge with the slider, then make the **socket buffer**
#    larger. It takes longer until packets are lost, and as many are lost then.
# 3. Put **bursts** of 500 into the same rate. On average nothing has changed.
# 4. Choose `packet.ring_v3` beside `udp.recvmmsg`, if your system permits it. Compare the processor
#    time a datagram costs, and half of the latencies: a ring hands over blocks, not packets.
#
# **Freeze** keeps the picture while the run goes on. **Save CSV** and **Save PNG** keep it for
# good.

# %% [markdown]
# ## 3 · What you saw, as a table
#
# The run is at hand as a pandas DataFrame too: a row for each of the last samples, 20 a second.

# %%
panel.run.to_frame().tail(3)

# %%
panel.run.sentence()

# %% [markdown]
# The processes sleep while nothing runs. They end with this page, with the kernel, or now:

# %%
panel.close()
feed.close()
