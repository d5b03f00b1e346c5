# Tests of csrc/hash and csrc/io.
function(add_hash_test name)
  add_executable(${name} ${name}.c)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_compile_options(${name} PRIVATE ${REPROFP_WARNINGS})
  target_link_libraries(${name} PRIVATE reprofp_core)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

add_hash_test(hash_blake3)
add_hash_test(hash_inputs)
add_hash_test(hash_kernels)
target_compile_options(hash_kernels PRIVATE -Wno-psabi) # vectors wider than the processor's are passed within the file
add_hash_test(io_files)
add_hash_test(io_trees)
add_hash_test(io_calls)
add_hash_test(io_faults)
# The core's calls of the C library go through the test.
foreach(call openat read pread close fstat stat fstatat statx readlinkat realpath lseek poll timerfd_create fstatfs
             malloc calloc realloc pthread_create syscall)
  target_link_options(io_faults PRIVATE -Wl,--wrap=${call})
endforeach()
