# Read by CMake right after llama.cpp's project(), to compile only what the engine loads and that
# quickly: 4.2 CPU-minutes instead of 12-14 (docs/decisions/0002).

# A normal variable hides the cache entry that llama-cpp-python forces ON.
set(LLAMA_BUILD_COMMON OFF)

function(lodestar_lean)
    # The `llama` library builds graphs; the arithmetic is in ggml, which keeps -O3.
    target_compile_options(llama PRIVATE -O1)
    target_precompile_headers(llama PRIVATE
        <algorithm> <cmath> <cstring> <functional> <map> <memory> <regex> <set> <string>
        <unordered_map> <vector>
        "${CMAKE_CURRENT_SOURCE_DIR}/src/models/models.h")
endfunction()
cmake_language(DEFER CALL lodestar_lean)
