# polybus_precompile(target [headers...])
#
# The headers that most sources begin with are read once for a target. Parsing them is most of what compiling costs here: the
# sanitized builds take half the time with it. The usual build goes without, so that
# a source that forgets an include of its own does not compile there.
set(POLYBUS_PRECOMPILED <algorithm> <atomic> <chrono> <condition_variable> <deque> <filesystem> <fstream> <functional> <map> <memory>
                        <mutex> <optional> <random> <set> <span> <string> <thread> <unordered_map> <variant> <vector>
                        <capnp/dynamic.h> <capnp/schema-loader.h> <capnp/schema.capnp.h> <capnp/serialize.h>)

function(polybus_precompile target)
  if(POLYBUS_PRECOMPILE AND TARGET ${target})
    target_precompile_headers(${target} PRIVATE ${POLYBUS_PRECOMPILED} ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>) # ccache wants it
    endif()
  endif()
endfunction()
