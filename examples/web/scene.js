// Draws the house as SVG. Shapes stand in the tables below, in units of an 800 by 700 picture; what changes is set on
// the elements of a room by draw(), and style.css moves from one state to the next.
import {COLORS} from "./house.js";

const SVG = "http://www.w3.org/2000/svg";
const FLOOR = 24;  // the height of the slab below a room, with its name

// Where a room is; its floor is at y + height. Where they differ from other rooms': the height that its lamp hangs
// from, and where its temperature and its padlock are.
const PLACES = {
  "attic": {x: 228, y: 196, width: 344, height: 110, lamp: -20, lock: [50, 86], label: [298, 104], roof: true},
  "bedroom": {x: 196, y: 330, width: 102, height: 106},
  "bathroom": {x: 304, y: 330, width: 93, height: 106},
  "nursery": {x: 403, y: 330, width: 93, height: 106},
  "office": {x: 502, y: 330, width: 102, height: 106},
  "living room": {x: 196, y: 460, width: 150, height: 106},
  "hallway": {x: 352, y: 460, width: 92, height: 106},
  "kitchen": {x: 450, y: 460, width: 154, height: 106},
  "cellar": {x: 246, y: 596, width: 308, height: 72},
  "garage": {x: 622, y: 486, width: 150, height: 80},
  "porch": {x: 112, y: 478, width: 76, height: 88, lock: [54, 58]},
  "garden": {x: 6, y: 440, width: 98, height: 126, lock: [68, 100], label: [92, 34]},
};

// Furniture, in the room's own coordinates: dark shapes before the light.
const FURNITURE = {
  "attic": `<circle class="window" cx="226" cy="64" r="15"/><path class="bar" d="M226 49v30M211 64h30"/>
    <path class="thing" d="M70 110v-34h52v34zM74 76l6-10h40l-4 10z"/><path class="thing light" d="M92 84h8v8h-8z"/>
    <path class="thing" d="M128 110v-22h36v22zM134 88v-16h24v16z"/>`,
  "bedroom": `<path class="thing" d="M8 106V66h5v14h76V70h5v36h-5v-7H13v7z"/><path
      class="thing light" d="M15 80q10-9 22 0z"/>
    <rect class="picture" x="10" y="38" width="22" height="16"/>`,
  "bathroom": `<path class="thing" d="M10 78h62v6q-2 18-14 18l3 4h-5l-3-4H29l-3 4h-5l3-4q-14-2-14-18z"/>
    <path class="line" d="M70 78V52q0-8-8-8t-8 6"/><path class="thing light" d="M48 50h12l2 5H46z"/>
    <circle class="window" cx="20" cy="48" r="9"/>`,
  "nursery": `<path class="thing" d="M10 106V68h4v6h50v-6h4v38h-4v-8H14v8z"/><path
      class="bar" d="M22 74v24M30 74v24M38 74v24M46 74v24M56 74v24"/>
    <path class="thing light" d="M76 96a9 9 0 1 0 1-17l-2-6-4 5-5-3 1 6a9 9 0 0 0 9 15z"/>`,
  "office": `<path class="thing" d="M14 74h76v5h-4v27h-5V79H23v27h-5V79h-4z"/><path
      class="thing light" d="M42 48h36v22H42zM57 70h6v4h-6z"/>
    <path class="picture" d="M10 40h22v4H10zM12 28h4v12h-4zM17 31h4v9h-4zM23 27h5v13h-5z"/>`,
  "living room": `<path class="thing" d="M14 106V80q0-8 8-8v-8q0-9 9-9h52q9 0 9 9v8q8 0 8 8v26h-6v-5H20v5z"/>
    <path class="thing light" d="M25 76h31v12H25zM59 76h31v12H59z"/>
    <path class="thing" d="M120 106l-4-20h20l-4 20z"/><path
    class="leaf" d="M126 86q-18-8-14-26 12 4 14 26 0-22 12-30 6 18-12 30z"/>
    <rect class="picture" x="40" y="30" width="34" height="20"/>`,
  "hallway": `<path class="thing" d="M20 106v-12h14V82h14V70h14V58h14v48z"/><path class="line" d="M20 76l48-44"/>
    <path class="picture" d="M10 36h14v22H10z"/>`,
  "kitchen": `<path class="thing" d="M8 106V34h32v72zM46 106V70h98v36z"/><path
      class="bar" d="M8 60h32M34 46v8M34 66v8M78 70v36M112 70v36"/>
    <rect class="window" x="62" y="32" width="36" height="24"/><path class="bar" d="M80 32v24"/>
    <path class="thing light" d="M116 70v-10h20v10zM110 62h6v3h-6z"/>`,
  "cellar": `<path class="thing" d="M24 72q-6-18 0-36h30q6 18 0 36zM62 72q-6-18 0-36h30q6 18 0 36z"/>
    <path class="bar" d="M22 46h34M22 62h34M60 46h34M60 62h34"/>
    <path class="thing" d="M176 20h84v4h-4v48h-4V50h-68v22h-4V24h-4zM184 24v22h68V24z"/>
    <path
    class="bottle" d="M192 46V34l2-6h3l2 6v12zM206 46V34l2-6h3l2 6v12zM220 46V34l2-6h3l2 6v12zM234 46V36h10v10z"/>`,
  "garage": `<path
      class="thing" d="M16 68q0-14 14-15l14-17q4-5 10-5h34q6 0 10 5l13 17q18 1 18 15v4
      h-8a13 13 0 0 0-26 0H57a13 13 0 0 0-26 0H16z"/>
    <path class="window" d="M48 51l10-12h14v12zM77 51V39h12l9 12z"/><circle class="wheel" cx="44" cy="72" r="8"/>
    <circle class="wheel" cx="108" cy="72" r="8"/>`,
  "porch": `<path class="door" d="M50 88V34h24v54z"/><path class="window" d="M56 40h12v10H56z"/>
    <path class="thing" d="M6 88V70h3v-8h26v8h3v18h-4v-9H10v9z"/>`,
  "garden": `<path class="trunk" d="M38 126l4-46h8l4 46z"/><path
      class="crown" d="M46 8c20-4 34 12 30 28 10 10 4 30-12 32-8 14-30 14-38 0-18 0-26-18-16-32C4 22 24 4 46 8z"/>
    <path
    class="fence" d="M60 126V98l4-5 4 5v28z
      M72 126V98l4-5 4 5v28zM84 126V98l4-5 4 5v28zM60 104h32v4H60zM60 116h32v4H60z"/>`,
};

const STARS = [
  [40, 60], [120, 160], [70, 250], [180, 40], [250, 110], [310, 60], [480, 50], [540, 120], [610, 50], [760, 180],
  [600, 190], [730, 260], [160, 250], [90, 340], [690, 330], [770, 60], [30, 160], [660, 230], [420, 30], [760, 390],
];
// Wider than the picture, for pages that are.
const SKY = `
  <defs>
    <linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#141536"/><stop offset="0.55" stop-color="#3a2f66"/>
      <stop offset="0.85" stop-color="#8a4f7d"/>
    </linearGradient>
    <linearGradient id="soil" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#3d2a3b"/><stop offset="1" stop-color="#241a2b"/>
    </linearGradient>
  </defs>
  <rect x="-600" width="2000" height="700" fill="url(#sky)"/>
  <g fill="#fff6dd">${STARS.map(([x, y], i) =>
    `<circle cx="${x}" cy="${y}" r="${1.2 + i % 3 * 0.4}" opacity="${0.4 + i * 7 % 5 * 0.15}"/>`).join("")}</g>
  <circle cx="690" cy="110" r="44" fill="#ffeccb" opacity="0.13"/><circle cx="690" cy="110" r="32" fill="#ffeccb"/>
  <circle cx="680" cy="102" r="6" fill="#efd6b0"/><circle cx="700" cy="120" r="8" fill="#efd6b0"/>
      <circle cx="698" cy="96" r="3.5" fill="#efd6b0"/>
  <path d="M-600 500q160-50 330-10t270 30q120-70 260-40t300-20 240 30
    q160-60 300-20t300-20v160H-600z" fill="#2c2452" opacity="0.7"/>
  <rect x="-600" y="566" width="2000" height="134" fill="url(#soil)"/>
  <path d="M-600 566h2000v16H800q-60 8-120 2t-140 2-160-4-180 4-200 0H-600z" fill="#33503f"/>`;

// Walls, roofs and slabs; the rooms are holes in them, as it were.
const SHELL = `
  <path class="wall" d="M188 320h424v256H188z"/>
  <path class="wall" d="M188 322L400 150l212 172z"/>
  <path class="wall" d="M612 478h168v98H612z"/>
  <path class="wall" d="M238 576h324v116H238z"/>
  <g class="smoke">${[0, 1, 2, 3].map((i) =>
    `<circle cx="519" cy="140" r="9" style="animation-delay:${-i}s"/>`).join("")}</g>
  <path class="chimney" d="M502 240v-92h34v92zM498 142h42v9h-42z"/>
  <path class="roof" d="M160 330L400 132l240 198-12 12L400 156 172 342z"/>
  <path class="roof" d="M604 480l12-16h160l20 16v8H604z"/>
  <path class="roof" d="M100 478l20-22h72v22z"/>
  <path class="post" d="M112 478h6v90h-6z"/>`;

// A lamp in the middle of a room, hanging from the height y; on a post in the garden.
function lamp(name, x, y) {
  if (name === "garden") {
    return `<path class="cord" d="M72 126V66"/><path class="shade" d="M63 66h18l-3-5H66zM66 46h12l-6-7z"/>
      <circle class="bulb" cx="72" cy="54" r="7"/>`;
  }
  return `<path class="cord" d="M${x} ${y}v8"/><path class="shade" d="M${x - 5} ${y + 8}h10l8 11h-26z"/>
    <circle class="bulb" cx="${x}" cy="${y + 20}" r="5"/>`;
}

const PADLOCK = `<path class="shackle" d="M4 8V5a4.5 4.5 0 0 1 9 0v3"/>
  <rect class="body" x="1" y="8" width="15" height="12" rx="2.5"/>`;
const HEAT = `<path d="M-16 0q-5-6 0-12t0-12M0 0q-5-6 0-12t0-12M16 0q-5-6 0-12t0-12"/>`;
const NOTES = `<path d="M0 0v-13l9-3v13"/><circle cx="-2.5" cy="0" r="3.5"/><circle cx="6.5" cy="-3" r="3.5"/>`;

function make(tag, attributes, parent, markup = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.innerHTML = markup;
  parent.append(element);
  return element;
}

export class Scene {
  #house;
  #rooms = new Map();
  #timers;
  #smoke;

  constructor(svg, house) {
    this.#house = house;
    svg.innerHTML = SKY + SHELL;
    this.#smoke = svg.querySelector(".smoke");
    for (const name of house.rooms.keys()) this.#rooms.set(name, this.#makeRoom(svg, name));
    this.#timers = make("g", {class: "timers"}, svg);
    for (const name of house.rooms.keys()) this.draw(name);
  }

  // Shows what has changed: of a room, or "timers".
  draw(name) {
    if (name === "timers") return this.#drawTimers();
    const {group, temperature, plays} = this.#rooms.get(name);
    const room = this.#house.rooms.get(name);
    const isHeating = room.target !== null && room.celsius !== room.target;
    group.classList.toggle("lit", room.on);
    group.style.setProperty("--light", COLORS[room.color]);
    group.classList.toggle("warming", isHeating && room.target > room.celsius);
    group.classList.toggle("cooling", isHeating && room.target < room.celsius);
    const rooms = [...this.#house.rooms.values()];
    this.#smoke.classList.toggle("rising", rooms.some(({target, celsius}) => target > celsius));
    group.classList.toggle("locked", room.locked === true);
    group.classList.toggle("unlocked", room.locked === false);
    group.classList.toggle("playing", room.plays !== null);
    const now = `${Math.round(room.celsius)}°`;
    temperature.textContent = !isHeating ? now : room.target > room.celsius ? `↑${now}` : `↓${now}`;
    temperature.classList.toggle("set", room.target !== null);
    plays.textContent = room.plays === null ? "" : `♪ ${room.plays}`;
  }

  // Draws the eye to a room that a call has reached.
  flash(name) {
    const room = this.#rooms.get(name);
    if (!room) return;
    room.frame.classList.remove("flash");
    room.frame.getBoundingClientRect();  // so that the animation begins again
    room.frame.classList.add("flash");
  }

  #makeRoom(svg, name) {
    const {x, y, width, height, lamp: lampY = 0, lock = [width - 24, 30], label = [width - 6, 22], roof} = PLACES[name];
    const group = make("g", {class: `room ${name.replace(" ", "-")}`, transform: `translate(${x} ${y})`}, svg);
    const shape = roof ? `M2 ${height}L172-24 342 ${height}z` : `M0 0h${width}v${height}H0z`;
    // In narrow rooms the lamp leaves the temperature its place.
    const centerX = name === "garden" ? 72 : width < 110 ? Math.round(width * 0.3) : width / 2;
    const centerY = name === "garden" ? 54 : lampY + 20;
    const glow = `glow-${name.replace(" ", "-")}`;
    make("defs", {}, group, `<radialGradient id="${glow}" gradientUnits="userSpaceOnUse" cx="${centerX}"
    cy="${centerY}"
      r="${name === "garden" ? 62 : Math.max(width, height) * 0.72}"><stop class="near"/><stop
      class="far" offset="1"/></radialGradient>`);
    if (name !== "garden") make("path", {class: name === "porch" ? "air open" : "air", d: shape}, group);
    const lit = name === "garden" ? "M-30-20h170v146H-30z" : shape;
    make("path", {class: "glow", fill: `url(#${glow})`, d: lit}, group);
    make("g", {class: "furniture"}, group, FURNITURE[name]);
    make("g", {class: "lamp"}, group, lamp(name, centerX, lampY));
    make("g", {class: "heat", transform: `translate(${width / 2} ${height - 12})`}, group, HEAT);
    make("g", {class: "notes", transform: `translate(${width * 0.72} ${height * 0.62})`}, group, NOTES);
    const temperature = make("text", {class: "temperature", x: label[0], y: label[1], "text-anchor": "end"}, group);
    const plays = make("text", {class: "plays", x: width / 2, y: height - 8, "text-anchor": "middle"}, group);
    make("g", {class: "padlock", transform: `translate(${lock})`}, group, PADLOCK);
    const frame = make("path", {class: "frame", d: shape}, group);
    const beyond = roof ? 40 : 6;
    if (name !== "garden") {
      make("rect", {class: "slab", x: -beyond, y: height, width: width + 2 * beyond, height: FLOOR}, group);
    }
    make("text", {class: "name", x: width / 2, y: height + 18, "text-anchor": "middle"}, group).textContent = name;
    return {group, temperature, plays, frame};
  }

  #drawTimers() {
    const now = Date.now();
    this.#timers.replaceChildren();
    this.#house.timers.forEach(({minutes, end}, i) => {
      const left = Math.max(0, end - now);
      const seconds = Math.ceil(left / 1000);
      const dial = make("g", {class: "timer", transform: `translate(${72 + i * 112} 84)`}, this.#timers,
        `<circle class="face" r="44"/><circle class="ring" r="44" pathLength="100" transform="rotate(-90)"/>`);
      dial.querySelector(".ring").style.strokeDasharray = `${left / (minutes * 600)} 100`;
      const text = make("text", {"text-anchor": "middle", y: 8}, dial);
      text.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    });
  }
}
