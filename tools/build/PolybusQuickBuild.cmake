# What POLYBUS_QUICK_BUILD (CI and the sanitized builds) does. Parsing headers and instantiating templates again for each source is most
# of what compiling costs here, and sanitizers make it dearer. The usual build goes without, so that a source that forgets an
# include of its own does not compile there.
#
#   polybus_precompile(target headers...)  these headers are read once
#   polybus_batches(target)                a dozen sources at a time: names in unnamed namespaces must differ within a library
set(POLYBUS_HEADERS_OF_STD <algorithm> <atomic> <chrono> <condition_variable> <deque> <filesystem> <fstream> <functional> <map> <memory>
                           <mutex> <optional> <random> <set> <span> <string> <thread> <unordered_map> <variant> <vector>)
set(POLYBUS_HEADERS_OF_CAPNP <capnp/dynamic.h> <capnp/schema-loader.h> <capnp/schema.capnp.h> <capnp/serialize.h>)

function(polybus_precompile target)
  if(POLYBUS_QUICK_BUILD AND TARGET ${target})
    target_precompile_headers(${target} PRIVATE ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>) # ccache wants it
    endif()
  endif()
endfunction()

function(polybus_batches target)
  if(POLYBUS_QUICK_BUILD AND TARGET ${target})
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU") # a batch includes its sources, and what they keep to themselves is taken for a header's
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
    endif()
  endif()
endfunction()
