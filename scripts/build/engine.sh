# The engine: llama-cpp-python, taken ready-made, from the cache, or compiled here.

engine_dir=$state/engine
engine_version=$(sed -n 's/^llama-cpp-python==\([^ ]*\).*/\1/p' "$lock")
engine_dist="llama_cpp_python-$engine_version*.dist-info" # pip writes its RECORD last

# wheel_in PLACE: the wheel of the locked version in a folder, or the file itself if it is one
wheel_in() {
    local file
    for file in "$1" "$1"/llama_cpp_python-*.whl; do
        case ${file##*/} in
        "llama_cpp_python-$engine_version"[-+]*.whl)
            [[ ! -f $file ]] || { printf '%s\n' "$file" && return; }
            ;;
        esac
    done
    return 1
}

# Everything that makes one build unlike another; -march=native makes the CPU one of them.
engine_key() {
    {
        stanzas llama-cpp-python
        cat "$root/scripts/build/lean.cmake"
        printf '%s\n' "${CMAKE_ARGS-}" "${CC-}" "${CXX-}" "${CFLAGS-}" "${CXXFLAGS-}"
        ${CXX:-c++} --version 2>&1 | head -n 1
        uname -sm
        grep -m 1 -E '^(flags|Features)' /proc/cpuinfo || sysctl -n machdep.cpu.brand_string
    } 2>/dev/null | cksum | tr ' ' -
}

# Sets $engine_how (installed, given, cached, build) and $wheel.
choose_engine() {
    local cache=${LODESTAR_WHEEL_CACHE:-${XDG_CACHE_HOME:-${HOME:-$venv}/.cache}/lodestar/wheels}
    engine_cache=$cache/$engine_version-$(engine_key)
    engine_how=build
    if [[ -n ${LODESTAR_LLAMA_WHEEL-} ]]; then
        wheel=$(wheel_in "$LODESTAR_LLAMA_WHEEL") ||
            fail "LODESTAR_LLAMA_WHEEL holds no wheel that fits: $LODESTAR_LLAMA_WHEEL" \
                "the lock asks for llama_cpp_python-$engine_version-*.whl" \
                "name such a file or its folder, or unset it to compile the engine here"
        engine_how=given
    elif compgen -G "$venv/lib/python3*/site-packages/$engine_dist/RECORD" >/dev/null; then
        engine_how=installed
    elif wheel=$(wheel_in "$engine_cache"); then
        engine_how=cached
    fi
}

# The source stays in one place, so that an interrupted compile goes on where it was.
fetch_engine() {
    [[ ! -d $engine_dir/src ]] || return 0
    stanzas llama-cpp-python >"$engine_dir/engine.txt"
    echo "downloading the source"
    pip download --require-hashes --no-deps --no-build-isolation --no-binary llama-cpp-python \
        --dest "$engine_dir" -r "$engine_dir/engine.txt"
    rm -rf "$engine_dir/unpacked" && mkdir "$engine_dir/unpacked"
    tar -xzf "$engine_dir/llama_cpp_python-$engine_version.tar.gz" -C "$engine_dir/unpacked" \
        --exclude '*/llama.cpp/models' --exclude '*/llama.cpp/docs' --exclude '*/.git'
    mv "$engine_dir/unpacked/llama_cpp_python-$engine_version" "$engine_dir/src"
}

# Only the shared libraries, once: llama.cpp's own install rules would put a second copy of them
# and its headers beside the package. A precompiled header needs ccache's leniency.
compile_engine() (
    export PATH=$venv/bin:$PATH SKBUILD_BUILD_DIR=$engine_dir/build
    export SKBUILD_WHEEL_EXCLUDE='/lib/**;/include/**;/bin/**'
    export CCACHE_SLOPPINESS=pch_defines,time_macros
    export CMAKE_ARGS="-DLLAVA_BUILD=OFF -DLLAMA_ALL_WARNINGS=OFF -DGGML_ALL_WARNINGS=OFF\
 -DCMAKE_PROJECT_llama.cpp_INCLUDE=$(cmake_escape "$root/scripts/build/lean.cmake")\
 ${CMAKE_ARGS-}"
    cd "$engine_dir/src"
    python -c 'import sys; from scikit_build_core.build import build_wheel
build_wheel(sys.argv[1])' "$engine_dir/wheel"
)

cmake_escape() {
    printf '%s\n' "$1" | sed 's/[ "\\]/\\&/g'
}

build_engine() {
    : >"$engine_log"
    mkdir -p "$engine_dir/wheel"
    fetch_engine
    compile_engine
    keep_wheel
}

# A cache that cannot be written costs the next clone some minutes, and this one nothing.
keep_wheel() {
    local made part
    made=$(wheel_in "$engine_dir/wheel")
    part=$engine_cache/.${made##*/}.$$
    { mkdir -p "$engine_cache" && cp "$made" "$part" && mv "$part" "$engine_cache/${made##*/}"; } ||
        rm -f "$part" || true
}

# Installed and loaded once: a wheel for another machine must not pass for a good one.
install_engine() {
    rm -rf "$venv"/lib/python3*/site-packages/{llama_cpp,llama_cpp_python-*.dist-info}
    pip install --no-deps --no-index --no-compile "$wheel"
    python -c 'import llama_cpp; llama_cpp.llama_backend_init()' && return
    pip uninstall --yes llama-cpp-python
    rm -rf "$engine_cache"
    return 1
}

# What the living line says: "45 of 83 files, about 1:20 left", from ninja's counter.
show_engine() {
    local at n m spent=$((SECONDS - engine_started))
    at=$(tail -c 4000 "$engine_log" 2>/dev/null | grep -o '\[[0-9]*/[0-9]*\]' | tail -n 1) || true
    at=${at#[} at=${at%]} n=${at%/*} m=${at#*/}
    if [[ -z $at ]]; then
        printf 'preparing the source'
    elif ((n < 20)); then
        printf '%d of %d files' "$n" "$m"
    else
        clock $((spent * (m - n) / n))
        printf '%d of %d files, about %s left' "$n" "$m" "$clocked"
    fi
}
