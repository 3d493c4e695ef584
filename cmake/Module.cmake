# trainer_module(NAME LIBRARY...): a static library trainer_NAME of the *.c in this folder, which may use
# the libraries named: modules below it and, where it wraps one, a system library.
function(trainer_module name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(trainer_${name} STATIC ${sources})
  target_link_libraries(trainer_${name} PUBLIC trainer_options ${ARGN})
endfunction()
