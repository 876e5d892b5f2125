from .answers import confusion as confusion
from .answers import winners as winners
from .fields import receptive_fields as receptive_fields
from .fields import strongest_patches as strongest_patches
from .priced import floor_plan as floor_plan
from .use import neurons as neurons
from .use import norms as norms
from .use import records as records
