// Time one way to use a C++ peer: PACKAGE WAY FILE ROUNDS. Prints what drive.py prints.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

inline std::vector<char> contents(const char* path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    std::vector<char> data(static_cast<std::size_t>(file.tellg()));
    file.seekg(0).read(data.data(), static_cast<std::streamsize>(data.size()));
    return data;
}

template <typename Way>
void drive(int rounds, Way way) {
    const unsigned long long count = way();  // to warm up
    std::printf("{\"count\": %llu, \"seconds\": [", count);
    for (int round = 0; round < rounds; ++round) {
        { volatile char last = std::vector<char>(1 << 29, 1).back(); (void)last; }  // as drive.py
        const auto start = std::chrono::steady_clock::now();
        if (way() != count) std::exit(1);  // used, so that nothing is optimized away
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        std::printf("%s%.9f", round ? ", " : "", taken.count());
    }
    std::printf("]}\n");
}
