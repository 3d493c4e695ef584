# src/modules.txt says which modules there are and which of them each may use.
set(module_table ${CMAKE_SOURCE_DIR}/src/modules.txt)
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${module_table})
file(STRINGS ${module_table} module_rows REGEX "^[a-z]+:")
set(modules)
foreach(row IN LISTS module_rows)
  string(REGEX MATCH "^([a-z]+):(.*)$" matched "${row}")
  set(module ${CMAKE_MATCH_1})
  string(STRIP "${CMAKE_MATCH_2}" uses)
  list(APPEND modules ${module})
  string(REGEX REPLACE "([a-z]+) *" "trainer_\\1;" uses_of_${module} "${uses}")
  list(REMOVE_ITEM uses_of_${module} "")
endforeach()

# trainer_module(NAME LIBRARY...): a static library trainer_NAME of the *.c in this folder, with the
# modules that the table gives it and the system libraries that it wraps.
function(trainer_module name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(trainer_${name} STATIC ${sources})
  target_link_libraries(trainer_${name} PUBLIC trainer_options ${uses_of_${name}} PRIVATE ${ARGN})
endfunction()
