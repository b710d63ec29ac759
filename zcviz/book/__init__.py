"""Order books: of one security as an object, of all of them in compiled code.

`order_book` knows no wire format, `events` knows nothing else, `books` puts them together.
"""

from .books import Books, feed_book, feed_books
from .events import event_of
from .order_book import Anomalies, Event, Kind, Level, Order, OrderBook, Side

__all__ = [
    "Anomalies",
    "Books",
    "Event",
    "Kind",
    "Level",
    "Order",
    "OrderBook",
    "Side",
    "event_of",
    "feed_book",
    "feed_books",
]
