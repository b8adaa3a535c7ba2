// What 3D Secure wants to know of the browser. Without it the bank asks more often, and nothing else changes.
(function () {
  var known = {
    language: navigator.language, java_enabled: false, color_depth: screen.colorDepth, screen_height: screen.height,
    screen_width: screen.width, time_zone_offset: new Date().getTimezoneOffset()
  };
  var form = document.querySelector("form");
  for (var name in known) {
    form.elements[name].value = known[name];
  }
})();
