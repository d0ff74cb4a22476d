# Only for the ROS 2 wheels from PyPI; given as -DCMAKE_PROJECT_INCLUDE=cmake/pypi_wheels.cmake.
#
# Their exported targets name the include folder of the Python they were built with,
# /opt/python/cp3xx, which CMake refuses where that folder is absent. The right folder comes from
# find_package(Python3), so the stale one is dropped once all packages have been found.
function(_drop_manylinux_python_includes)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(directories MATCHES "/opt/python/cp3")
      list(FILTER directories EXCLUDE REGEX "^/opt/python/cp3")
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${directories}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL _drop_manylinux_python_includes)
