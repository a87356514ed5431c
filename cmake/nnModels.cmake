# What a project with models includes by find_package(nn): two functions, which give targets that are built anew when their
# program, a library of it, their options or nnc change. Data are read when a trainer runs, so they are no dependency.
#
#   nnc_add_library(TARGET MODEL.nn [PREFIX NAME] [CHECKED] [LIBRARIES FILE.nn...] [OPTIONS OPTION...] [DEPENDS FILE...])
#       a library to link: the compiled model, its header PREFIX.h, and the runtime. PREFIX is TARGET if nothing else is said.
#   nnc_add_trainer(TARGET MODEL.nn [LIBRARIES FILE.nn...] [OPTIONS OPTION...] [DEPENDS FILE...])
#       a trainer of its own, nn/TARGET/TARGET in the binary directory; its path is the target's property NNC_TRAINER.
#
# OPTIONS are nnc's, word by word: OPTIONS --set width=64 --cpu x86-64-v3.

# The command line that both share, what it needs, and a folder for the results: as `command`, `needs` and `folder` of the caller.
macro(_nnc_command target model)
  get_filename_component(model_file "${model}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  set(command nn::nnc build "${model_file}")
  set(needs "${model_file}" nn::nnc ${NNC_DEPENDS})
  foreach(library IN LISTS NNC_LIBRARIES)
    get_filename_component(library_file "${library}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    list(APPEND command --library "${library_file}")
    list(APPEND needs "${library_file}")
  endforeach()
  list(APPEND command ${NNC_OPTIONS})
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/nn/${target}")
  file(MAKE_DIRECTORY "${folder}")
  if(NNC_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${target}: what is `${NNC_UNPARSED_ARGUMENTS}`? Options of nnc stand behind OPTIONS.")
  endif()
endmacro()

function(nnc_add_library target model)
  cmake_parse_arguments(PARSE_ARGV 2 NNC "CHECKED" "PREFIX" "LIBRARIES;OPTIONS;DEPENDS")
  _nnc_command(${target} "${model}")
  if(NOT NNC_PREFIX)
    string(MAKE_C_IDENTIFIER "${target}" NNC_PREFIX)
  endif()
  if(NNC_CHECKED)
    list(APPEND command --checked)
  endif()
    set(object "${folder}/${NNC_PREFIX}.o")
  set(header "${folder}/${NNC_PREFIX}.h")
  add_custom_command(OUTPUT "${object}" "${header}" COMMAND ${command} --emit obj --prefix ${NNC_PREFIX} -o "${object}"
                     DEPENDS ${needs} COMMENT "Compiling ${model}" VERBATIM)
  set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  add_library(${target} STATIC "${object}" "${header}")
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  list(FILTER languages INCLUDE REGEX "^(C|CXX)$")
  list(GET languages 0 language)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE ${language})
  target_include_directories(${target} INTERFACE "${folder}")
  target_link_libraries(${target} INTERFACE nn::nn)
endfunction()

function(nnc_add_trainer target model)
  cmake_parse_arguments(PARSE_ARGV 2 NNC "" "" "LIBRARIES;OPTIONS;DEPENDS")
  _nnc_command(${target} "${model}")
  set(trainer "${folder}/${target}")
  add_custom_command(OUTPUT "${trainer}" COMMAND ${command} -o "${trainer}" DEPENDS ${needs} COMMENT "Compiling ${model}"
                     VERBATIM)
  add_custom_target(${target} ALL DEPENDS "${trainer}")
  set_target_properties(${target} PROPERTIES NNC_TRAINER "${trainer}")
endfunction()
