// Before anything is drawn: says that scripts run, so that what they add does not make the page jump.
document.body.className += " js-enabled" + ("noModule" in HTMLScriptElement.prototype ? " govuk-frontend-supported" : "");
