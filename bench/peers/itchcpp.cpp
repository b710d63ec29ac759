// itchcpp without Python. Its one way, decode: every message to a struct with native fields, handed
// to a function.
#include <itch/parser.hpp>

#include "drive.hpp"

int main(int, char** given) {
    const auto data = contents(given[3]);
    unsigned long long kinds = 0;
    drive(std::atoi(given[4]), [&] {
        unsigned long long count = 0;
        itch::Parser parser;
        parser.parse(data.data(), data.size(), [&](const itch::Message& message) {
            ++count;
            kinds += message.index();
        });
        return count;
    });
    return kinds == 1;  // never; but now the compiler has to look into the messages
}
