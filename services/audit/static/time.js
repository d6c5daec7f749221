// The time machine without reloading: the slider and the left and right keys show another moment in place. Without this
// script the slider has a button, and the steps are links.
const slider = document.getElementById("slider")
const moment = () => document.getElementById("moment")
let asked = null

async function show(address) {
  asked?.abort()
  asked = new AbortController()
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html", "HX-Request": "true" }, signal: asked.signal })
    if (!answer.ok) throw new Error(answer.statusText)
    const made = document.createElement("template")
    made.innerHTML = await answer.text()
    const held = document.activeElement?.dataset?.step
    moment().replaceWith(made.content.querySelector("#moment"))
    if (held) (moment().querySelector(`[data-step=${held}]`) ?? slider).focus()
    document.querySelector(".govuk-error-summary")?.remove()
    slider.value = moment().dataset.at
    slider.setAttribute("aria-valuetext", moment().dataset.said)
    history.replaceState(null, "", address)
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address)
  }
}

function at(number) {
  const address = new URL(location.href)
  address.searchParams.set("at", number)
  address.hash = ""
  return address
}

document.documentElement.classList.add("sq-live")
slider.setAttribute("aria-valuetext", moment().dataset.said)
slider.addEventListener("input", () => show(at(slider.value)))
document.addEventListener("click", (event) => {
  const step = event.target.closest("a[data-step]")
  if (!step || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  show(step.href)
})
document.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: "back", ArrowRight: "forward" }[event.key]
  if (!way || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
  if (event.target.closest("input, select, textarea, pre, summary")) return
  const step = moment().querySelector(`[data-step=${way}]`)
  if (step?.href) {
    event.preventDefault()
    show(step.href)
  }
})
