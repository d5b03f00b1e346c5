# Tests of csrc/tensors.
foreach(name tensors_view tensors_difference)
  add_executable(${name} ${name}.c)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_compile_options(${name} PRIVATE ${REPROFP_WARNINGS})
  target_link_libraries(${name} PRIVATE reprofp_core)
  add_test(NAME ${name} COMMAND ${name})
endforeach()
