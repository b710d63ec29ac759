// Stands in for the one library that itch-book needs and its source package does not hold: a price
// is an integer here, as it is there.
#pragma once
#include <compare>

namespace fixed_decimal {

struct PriceTag {};

template <int Digits, typename Tag, typename Integer>
class Fixed {
public:
    static constexpr Fixed from_raw(Integer raw) {
        Fixed made;
        made.raw_ = raw;
        return made;
    }
    constexpr Integer raw() const { return raw_; }
    friend constexpr auto operator<=>(Fixed, Fixed) = default;

private:
    Integer raw_ = 0;
};

}  // namespace fixed_decimal
