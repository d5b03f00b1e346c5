# Tests of the cache: they look inside, to make up clocks and limits.
function(add_cache_test name)
  add_hash_test(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/csrc/io)
endfunction()

add_cache_test(cache_changes)
add_cache_test(cache_file)
add_cache_test(cache_shared)
