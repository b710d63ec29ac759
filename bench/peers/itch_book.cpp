// itch-book without Python: its framing walk; ten message types to structs whose fields are added
// up; the books of all symbols.
#include <cstring>
#include <span>

#include <itch/book_manager.hpp>
#include <itch/messages.hpp>
#include <itch/parser.hpp>

#include "drive.hpp"

struct Sum {
    unsigned long long all = 0;
    void on_system_event(const itch::SystemEvent& m) { all += static_cast<unsigned char>(m.event); }
    void on_stock_directory(const itch::StockDirectory& m) { all += m.round_lot_size; }
    void on_add(const itch::AddOrder& m) { all += m.ref + m.price.raw() + m.shares; }
    void on_execute(const itch::OrderExecuted& m) { all += m.ref + m.shares + m.match; }
    void on_execute_price(const itch::OrderExecutedPrice& m) { all += m.ref + m.price.raw(); }
    void on_cancel(const itch::OrderCancel& m) { all += m.ref + m.shares; }
    void on_delete(const itch::OrderDelete& m) { all += m.ref; }
    void on_replace(const itch::OrderReplace& m) { all += m.old_ref + m.new_ref + m.price.raw(); }
    void on_trade(const itch::Trade& m) { all += m.match + m.shares; }
};

int main(int, char** given) {
    const auto file = contents(given[3]);
    const auto data = std::as_bytes(std::span(file));
    const auto counted = [](const itch::ParseResult& r) { return r.messages + r.unknown; };
    const int rounds = std::atoi(given[4]);
    Sum sum;
    if (!std::strcmp(given[2], "walk")) drive(rounds, [&] { return counted(itch::scan(data)); });
    if (!std::strcmp(given[2], "decode"))
        drive(rounds, [&] { return counted(itch::parse(data, sum)); });
    if (!std::strcmp(given[2], "books"))
        drive(rounds, [&] {
            itch::BookManager<> books;
            return counted(itch::parse(data, books));
        });
    return sum.all == 1;  // never; but now the compiler has to add up
}
